"""What became of inputs: lines on standard output, doubts and progress on standard error."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from poselift.command.jobs import Outcome, Output
from poselift.command.usage import FAILED, OK


class Report:
    """Tells outcomes as they come, and knows the exit status in the end.

    Args:
        as_json: write a JSON object a line.
        is_one: there is one input, which messages need not name.
    """

    def __init__(self, *, as_json: bool, is_one: bool) -> None:
        self._as_json = as_json
        self._is_one = is_one
        self._written: dict[str, Path] = {}
        self.status = OK

    def tell(self, outcome: Outcome) -> None:
        """Tell one input's."""
        for note in outcome.notes:
            self._say("note", outcome.path, note)
        for output in outcome.outputs:
            self._tell_output(outcome.path, output)
        if outcome.error is not None:
            self._fail(outcome.path, outcome.error)

    def _tell_output(self, path: Path, output: Output) -> None:
        other = self._written.setdefault(str(output.path).casefold(), path)
        if other != path:
            self._fail(path, f"{output.path}: {other} is written to the same file")
        if self._as_json:
            print(json.dumps(_fields(path, output)), flush=True)  # noqa: T201
        else:
            how = ", kept: newer than the input" if output.is_kept else ""
            print(f"{output.path}: {output.frames} frames{how}", flush=True)  # noqa: T201
        for warning in output.warnings:
            say(f"warning: {output.path}: {warning.detail} ({warning.code})")

    def _fail(self, path: Path, error: str) -> None:
        self.status = FAILED
        if self._as_json:
            print(json.dumps({"input": str(path), "error": error}), flush=True)  # noqa: T201
        self._say("error", path, error)

    def _say(self, kind: str, path: Path, text: str) -> None:
        named = "" if self._is_one or text.startswith((str(path), path.name)) else f"{path}: "
        say(f"{kind}: {named}{text}")


def say(text: str) -> None:
    """A line on standard error."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201


@contextmanager
def progress(iterator: Iterator[Outcome], total: int) -> Iterator[Iterator[Outcome]]:
    """The same outcomes, counted by a bar on standard error if that is a terminal."""
    if total == 1 or not sys.stderr.isatty():
        yield iterator
        return
    from rich.console import Console  # noqa: PLC0415 - takes a while
    from rich.progress import Progress  # noqa: PLC0415

    # Rich would send redirected lines to its own console: those for a pipe must go there.
    with Progress(console=Console(stderr=True), redirect_stdout=sys.stdout.isatty()) as bar:
        yield iter(bar.track(iterator, total=total, description="inputs"))


@contextmanager
def counting(what: str) -> Iterator[Callable[[int, int | None], None] | None]:
    """Something to be told counts and totals, shown by a bar if standard error is a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console  # noqa: PLC0415 - takes a while
    from rich.progress import Progress  # noqa: PLC0415

    with Progress(console=Console(stderr=True)) as bar:
        task = bar.add_task(what, total=None)
        yield lambda count, total: bar.update(task, completed=count, total=total)


def _fields(path: Path, output: Output) -> dict[str, Any]:
    warnings = [
        {name: value for name, value in vars(warning).items() if value is not None}
        for warning in output.warnings
    ]
    return {
        "input": str(path),
        "output": str(output.path),
        "frames": output.frames,
        "person": output.person,
        "kept": output.is_kept,
        "warnings": warnings,
    }
