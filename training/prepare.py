"""Turn data sets into the files that training reads: ``python -m training.prepare cmu``."""

from training.command import command_line, run
from training.data.prepare_commands import COMMANDS


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
