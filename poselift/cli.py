"""The ``poselift`` command: its subcommands, and how it ends."""

import sys
from io import TextIOWrapper

from cyclopts import App, CycloptsError

from poselift.command.bench import bench
from poselift.command.convert import convert
from poselift.command.detectors import detectors_app
from poselift.command.lift import lift_files
from poselift.command.listing import models, readers
from poselift.command.serve import serve
from poselift.command.stream import stream
from poselift.command.usage import FAILED, WRONG_USAGE, UsageError
from poselift.command.video import video
from poselift.errors import PoseliftError

app = App(
    name="poselift",
    help="Lift 2D human keypoints to metric 3D poses.",
    help_format="plaintext",
    result_action="return_value",
)
app.command(lift_files, name="lift")
for subcommand in (bench, convert, models, readers, serve, stream, video):
    app.command(subcommand)
app.command(detectors_app())
app.register_install_completion_command()


def main() -> None:
    """Run the command; a mistake in the options or files ends it with one line.

    The exit status is 0 if all went well, 1 if something failed, 2 for a wrong command line.
    """
    for output in (sys.stdout, sys.stderr):
        if isinstance(output, TextIOWrapper):  # Windows' code pages lack letters of files' names
            output.reconfigure(errors="backslashreplace")
    try:
        status = app(exit_on_error=False, print_error=False)
    except CycloptsError as error:
        status = _said(str(error), WRONG_USAGE)
    except UsageError as error:
        status = _said(error.detail, WRONG_USAGE)
    except PoseliftError as error:
        status = _said(error.detail, FAILED)
    except OSError as error:
        status = _said(str(error), FAILED)
    sys.exit(status)


def _said(detail: str, status: int) -> int:
    print(f"error: {detail}", file=sys.stderr)  # noqa: T201
    return status
