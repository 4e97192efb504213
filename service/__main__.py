"""Starts one replica of the service: the machine's part, and one worker."""

import asyncio
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import starmap

from pydantic import ValidationError

from poselift.errors import ModelError
from service.environment import forget_ours, unknown_variables, wants_traces
from service.keys import KeyFileError
from service.logs import set_up
from service.machine import StartError, prepared_machine
from service.request_errors import StoreError
from service.settings import Settings, explain
from service.tls import TlsError
from service.traces import Tracer
from service.worker import work

_log = logging.getLogger("poselift")

_SWITCH_INTERVAL_S = 0.0002


def main() -> int:
    """Serve until a signal; the exit status is 0 after an orderly end."""
    if sys.platform == "win32":
        sys.stderr.write("poselift: the service runs on Linux and macOS, not on Windows\n")
        return 1
    import uvloop  # noqa: PLC0415 - there is none for Windows

    known = map(str.upper, Settings.model_fields)
    if unknown := unknown_variables(os.environ, known):
        # A misspelt API_KEYS would leave the service open to all.
        return _wrong_settings("; ".join(starmap(_unknown, unknown.items())))
    try:
        settings = Settings()
    except ValidationError as error:
        return _wrong_settings(explain(error))
    set_up(settings.log_level, settings.log_format, settings.access_log)
    # Models run in threads of their own. By default they and the event loop would wait 5 ms for
    # each other to let go of Python's lock, several times in every tick of live frames.
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    try:
        with _tracer() as tracer, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            forget_ours()
            runner.run(serve(settings, tracer))
    except (StartError, KeyFileError, TlsError, ModelError, StoreError) as error:
        _log.error("cannot start: %s", error)
        return 1
    return 0


def _wrong_settings(said: str) -> int:
    sys.stderr.write(f"poselift: settings: {said}\n")
    return 2


def _unknown(name: str, likely: str | None) -> str:
    meant = f"; did you mean {likely}?" if likely else ""
    return f"the environment variable {name} means nothing here{meant}"


@contextmanager
def _tracer() -> Iterator[Tracer | None]:
    """What sends traces to a collector, where OpenTelemetry's variables name one."""
    if not wants_traces(os.environ):
        yield None
        return
    try:
        from service.trace_export import exporting  # noqa: PLC0415 - not loaded where not wanted
    except ImportError:
        _log.warning("traces need more packages, none are sent: pip install 'poselift[traces]'")
        yield None
        return
    with exporting() as tracer:
        yield tracer


async def serve(settings: Settings, tracer: Tracer | None = None) -> None:
    """Run the service until it is told to stop; raises what ``work`` does."""
    async with prepared_machine(settings, tracer) as machine:
        await work(machine)


if __name__ == "__main__":
    sys.exit(main())
