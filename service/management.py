"""Probes, metrics and debugging on a port of their own.

The server has a thread and an event loop of its own, so that it answers however busy or stuck the
service's event loop is. Nothing here needs an API key: the port is for operators. Debugging is
answered to callers on this machine alone, who use no name of it but a loopback one: a web page
that is open there cannot ask.
"""

import asyncio
import logging
import socket
import sys
import threading
import traceback
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import chain
from typing import Any, TypeAlias

import orjson
import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from service.addresses import hostname, is_loopback
from service.error_table import PROBLEM_TYPE, problem, told
from service.health import ServiceState, Status
from service.latest import Latest
from service.logs import set_level
from service.machine import listen
from service.rest.connections import ConnectionLimits, Connections, HttpConnection
from service.rest.request_ids import RequestIdMiddleware
from service.siblings import Siblings, merged

Endpoint: TypeAlias = Callable[[Request], Coroutine[Any, Any, Response]]
Ask: TypeAlias = Callable[[], Awaitable[Status]]

_log = logging.getLogger("poselift")

_LEVELS = ("debug", "info", "warning", "error")
_MOST_CONNECTIONS = 100
_STOP_TIMEOUT_S = 5.0
_TASK_FRAMES = 4


class _Port:
    """A port that is already bound, answered in a thread."""

    def __init__(self, bound: socket.socket, routes: Sequence[Route]) -> None:
        self._socket = bound
        # All share places as one: a stranger may well come from the address of the probes.
        limits = ConnectionLimits(_MOST_CONNECTIONS, gives_way=True)
        self._connections = Connections(limits, party_of=lambda _: "")
        http: Any = partial(HttpConnection, self._connections)
        self._server = uvicorn.Server(
            uvicorn.Config(
                RequestIdMiddleware(Starlette(routes=routes)),
                http=http,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_graceful_shutdown=1,
            )
        )

    @contextmanager
    def running(self) -> Iterator[None]:
        """Answer in a thread, until the end.

        Raises:
            StartError: the port cannot be listened on.
        """
        listen("management", self._socket)
        thread = threading.Thread(target=self._serve, name="management", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._server.should_exit = True
            thread.join(_STOP_TIMEOUT_S)

    def _serve(self) -> None:
        import uvloop  # noqa: PLC0415 - there is none for Windows

        # Out of descriptors, asyncio's own loop fills the log.
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._answer())

    async def _answer(self) -> None:
        sweeping = asyncio.create_task(self._connections.sweep(), name="connections")
        try:
            await self._server.serve(sockets=[self._socket])
        finally:
            sweeping.cancel()


class ManagementServer(_Port):
    """The port of a worker; made on the service's event loop."""

    def __init__(
        self, bound: socket.socket, state: ServiceState, registry: CollectorRegistry
    ) -> None:
        self._registry = registry
        self._loop = asyncio.get_running_loop()
        routes = [
            Route("/healthz", _probe(_at_once(state.alive))),
            Route("/readyz", _probe(_at_once(state.readiness))),
            Route("/metrics", _metrics(Latest(self._collected))),
            Route("/debug/stacks", _local(self._stacks)),
            Route("/debug/log-level/{level}", _local(_set_log_level), methods=["PUT"]),
        ]
        super().__init__(bound, routes)

    async def _collected(self) -> bytes:
        return generate_latest(self._registry)

    async def _stacks(self, _: Request) -> Response:
        stacks = chain(_thread_stacks(), _task_stacks(self._loop))
        return PlainTextResponse("\n".join(stacks))


class WholeServer(_Port):
    """The port of all workers, which asks each of them."""

    def __init__(
        self, bound: socket.socket, siblings: Siblings, registry: CollectorRegistry
    ) -> None:
        self._siblings = siblings
        self._registry = registry
        routes = [
            Route("/healthz", _probe(Latest(siblings.alive))),
            Route("/readyz", _probe(Latest(siblings.readiness))),
            Route("/metrics", _metrics(Latest(self._collected))),
            Route("/debug/stacks", _local(self._each)),
            Route("/debug/log-level/{level}", _local(self._each), methods=["PUT"]),
        ]
        super().__init__(bound, routes)

    async def _collected(self) -> bytes:
        of_workers = await self._siblings.metrics()
        own = generate_latest(self._registry).decode()
        return await asyncio.to_thread(merged, of_workers, own)

    async def _each(self, request: Request) -> Response:
        """What each worker says, one after the other."""
        answers = await self._siblings.ask_all(request.method, request.url.path)
        said = [f"worker {number}\n{each.text}" for number, each in answers.items() if each]
        status = max((each.status for each in answers.values() if each), default=503)
        return PlainTextResponse("\n".join(said), status)


def _metrics(latest: Latest[bytes]) -> Endpoint:
    async def answered(_: Request) -> Response:
        return Response(await latest(), headers={"content-type": CONTENT_TYPE_LATEST})

    return answered


def _at_once(ask: Callable[[], Status]) -> Ask:
    async def asked() -> Status:
        return ask()

    return asked


def _probe(ask: Ask) -> Endpoint:
    async def answered(_: Request) -> Response:
        try:
            return Response(orjson.dumps((await ask()).told()), media_type="application/json")
        except Exception as error:
            details = problem(told(error), with_status=True)
            return Response(orjson.dumps(details), details["status"], media_type=PROBLEM_TYPE)

    return answered


def _local(endpoint: Endpoint) -> Endpoint:
    async def guarded(request: Request) -> Response:
        # Who comes by a Unix socket has no address.
        is_here = request.client is None or is_loopback(request.client.host)
        if is_here and is_loopback(hostname(request.headers.get("host", ""))):
            return await endpoint(request)
        return PlainTextResponse("debugging is for callers on this machine\n", 403)

    return guarded


def _thread_stacks() -> Iterator[str]:
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    for ident, frame in sys._current_frames().items():
        yield f"thread {names.get(ident, ident)}\n{''.join(traceback.format_stack(frame))}"


def _task_stacks(loop: asyncio.AbstractEventLoop) -> Iterator[str]:
    for task in asyncio.all_tasks(loop):
        places = [
            f"  {frame.f_code.co_filename}:{frame.f_lineno} in {frame.f_code.co_name}\n"
            for frame in task.get_stack(limit=_TASK_FRAMES)
        ]
        yield f"task {task.get_name()}\n{''.join(places)}"


async def _set_log_level(request: Request) -> Response:
    level = request.path_params["level"].lower()
    if level not in _LEVELS:
        return PlainTextResponse(f"one of {', '.join(_LEVELS)}, found {level[:100]!r}\n", 422)
    set_level(level)
    _log.warning("the log level is %s now", level)
    return PlainTextResponse(f"{level}\n")
