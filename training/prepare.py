"""Turn data sets into the files that training reads: ``python -m training.prepare cmu``."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from poselift.errors import PoseliftError
from training.data import prepare_motion, prepare_recordings

COMMANDS = (*prepare_motion.COMMANDS, *prepare_recordings.COMMANDS)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training.prepare", description=sys.modules[__name__].__doc__
    )
    datasets = parser.add_subparsers(dest="dataset", required=True, metavar="DATASET")
    for command in COMMANDS:
        options = datasets.add_parser(
            command.name,
            help=command.summary,
            description=command.description,
            epilog=command.epilog,
        )
        command.add_options(options)
        options.add_argument(
            "--output",
            type=Path,
            default=Path(command.output),
            metavar="FILE",
            help="default: %(default)s",
        )
        options.set_defaults(run=command.run, usage_error=options.error)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 0 when a file was written, 2 when not."""
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except KeyboardInterrupt:
        print("stopped; what was downloaded is kept", file=sys.stderr)
        return 2
    except PoseliftError as error:
        print(f"error: {error.detail}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"written: {options.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
