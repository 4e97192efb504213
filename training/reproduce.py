"""Repeat the paper's comparisons on open motion: ``python -m training.reproduce --help``."""

from training.command import command_line, run
from training.reproduction.comparisons import Reproduction


def reproduce(*, options: Reproduction = Reproduction()) -> None:
    """Train what the paper compares, measure it on held-out subjects, and write a page about it.

    Motion is projected by four still cameras, like Human3.6M's. Finished runs are kept, and a run
    that was stopped is resumed: start the same command again.
    """
    options.run()


if __name__ == "__main__":
    run(command_line("training.reproduce", reproduce))
