"""Turn data sets into the files that training reads: ``python -m training.prepare cmu``."""

from collections.abc import Callable, Mapping

from training.command import command_line, run
from training.data.prepare_motion import prepare_amass, prepare_cmu, prepare_positions
from training.data.prepare_recordings import (
    prepare_custom,
    prepare_h36m,
    prepare_humaneva,
    prepare_synthetic,
)

COMMANDS: Mapping[str, Callable[..., None]] = {
    "cmu": prepare_cmu,
    "amass": prepare_amass,
    "positions": prepare_positions,
    "h36m": prepare_h36m,
    "humaneva": prepare_humaneva,
    "custom": prepare_custom,
    "synthetic": prepare_synthetic,
}


def prepare() -> None:
    """Turn data sets into the files that training reads."""
    raise ValueError(f"expected a data set: one of {', '.join(COMMANDS)}")


def main(arguments: list[str] | None = None) -> None:
    """Run the command."""
    app = command_line("training.prepare", prepare)
    for name, command in COMMANDS.items():
        app.command(command, name=name)
    run(app, arguments, failure_status=2)


if __name__ == "__main__":
    main()
