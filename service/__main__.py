"""Starts one replica of the service: the machine's part, and one worker or several."""

import os

# gRPC reads this as it is imported. It would tell of every handshake that fails, and of idle
# connections that end, in lines that are not ours, and callers could have it write any number.
os.environ.setdefault("GRPC_VERBOSITY", "ERROR")

import signal

# SIGHUP is ignored until the service serves, and from before the imports, which take a second: it
# would end the process. Files that have changed by then are read again in any case.
if __name__ == "__main__" and hasattr(signal, "SIGHUP"):
    signal.signal(signal.SIGHUP, signal.SIG_IGN)

import asyncio
import logging
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import starmap
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from poselift.errors import ModelError
from service.environment import forget_ours, unknown_variables, wants_traces
from service.keeper import keep
from service.keys import KeyFileError
from service.logs import set_up
from service.machine import (
    StartError,
    bound_socket,
    key_ring,
    prepared_machine,
    reserved_socket,
    shared_machine,
)
from service.request_errors import StoreError
from service.settings import Settings, explain
from service.shared_amounts import SharedAmounts
from service.shared_loads import SharedLoads
from service.siblings import Siblings
from service.supervisor import Announce, Part, Supervisor, threads_of_each
from service.tls import TlsError
from service.traces import Tracer
from service.worker import work

_log = logging.getLogger("poselift")

_SWITCH_INTERVAL_S = 0.0002
_LAST_S = 15.0
"""For whatever a process does after it has drained."""


def main() -> int:
    """Serve until a signal; the exit status is 0 after an orderly end."""
    if sys.platform == "win32":
        sys.stderr.write("poselift: the service runs on Linux and macOS, not on Windows\n")
        return 1
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
    count = settings.workers
    if count > 1 and sys.platform != "linux":
        return _wrong_settings(f"POSELIFT_WORKERS={count}: several workers need Linux")
    if count == 1:
        return _run(partial(serve, settings))
    return _orderly(partial(_supervise, settings, count))


def _run(serve: Callable[[Tracer | None], Coroutine[Any, Any, None]]) -> int:
    """Run what serves to its end, on an event loop of this process; the exit status."""
    import uvloop  # noqa: PLC0415 - there is none for Windows

    def run() -> int:
        with _tracer() as tracer, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            forget_ours()
            runner.run(serve(tracer))
        return 0

    return _orderly(run)


def _orderly(run: Callable[[], int]) -> int:
    """What it returns, or 1 where it cannot start, and why in the log."""
    try:
        return run()
    except (StartError, KeyFileError, TlsError, ModelError, StoreError) as error:
        _log.error("cannot start: %s", error)
        return 1


def _supervise(settings: Settings, count: int) -> int:
    """Run several workers and their keeper; raises where an address or a key file is no good."""
    key_ring(settings)
    with ExitStack() as place:
        enter = place.enter_context
        http = enter(reserved_socket("HTTP", settings.host, settings.http_port))
        rpc = enter(reserved_socket("gRPC", settings.host, settings.grpc_port))
        host, port, management = settings.management_host, settings.management_port, None
        if port is not None:
            management = enter(bound_socket("management", host, port))
        folder = Path(enter(tempfile.TemporaryDirectory(prefix="poselift-workers-")))
        threads = settings.threads or threads_of_each(count)
        ports = {"http_port": http.getsockname()[1], "grpc_port": rpc.getsockname()[1]}
        settings = settings.model_copy(update={**ports, "threads": threads})
        _log.info("%d workers, models use %d threads in each", count, threads)
        siblings = Siblings(folder, count, SharedLoads(count))
        amounts = SharedAmounts(count)
        keeper = Part("the keeper", partial(_keep, settings, siblings, management))
        workers = [
            Part(f"worker {each.number}", partial(_work, settings, each, amounts), each.number)
            for each in siblings.each()
        ]
        return Supervisor(keeper, workers, _stop_s(settings)).run()


def _keep(
    settings: Settings,
    siblings: Siblings,
    management: socket.socket | None,
    restarts: int,
    announce: Announce,
    life: int,
) -> int:
    async def keeping(_: Tracer | None) -> None:
        _end_with(life, settings)
        await keep(settings, siblings, management, announce, restarts)

    return _run(keeping)


def _work(
    settings: Settings,
    siblings: Siblings,
    amounts: SharedAmounts,
    restarts: int,
    announce: Announce,
    life: int,
) -> int:
    async def working(tracer: Tracer | None) -> None:
        _end_with(life, settings)
        async with shared_machine(settings, siblings, amounts, announce, tracer) as machine:
            await work(machine, restarts=restarts)

    return _run(working)


def _end_with(life: int, settings: Settings) -> None:
    """Take the supervisor's end for a signal to stop, even where the event loop is stuck."""

    def wait() -> None:
        os.read(life, 1)  # nothing comes, but its end
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(_stop_s(settings))
        os._exit(1)

    threading.Thread(target=wait, name="life", daemon=True).start()


def _stop_s(settings: Settings) -> float:
    """How long a worker may take to end."""
    return settings.lame_duck_s + settings.drain_timeout_s + _LAST_S


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
