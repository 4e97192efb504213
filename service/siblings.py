"""All workers of a service, as each of them and their keeper sees them.

Every worker has a management port on a Unix socket; who wants to know of the whole asks all.
"""

import asyncio
import secrets
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from http import HTTPStatus
from pathlib import Path

import h11
import orjson
from prometheus_client import Metric, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from service.health import DEGRADED_SAID, READY_SAID, Status
from service.request_errors import Unavailable
from service.shared_loads import SharedLoads

_PIECE_BYTES = 64 * 1024
_PATIENCE_S = 3.0
"""How long a worker may take to tell something: half of what Prometheus waits, and less."""
_STATUS_PATIENCE_S = 1.0
"""The same where a probe asks, which has little time itself."""
_SILENT = "does not answer, or is being started"
_ABSENT = "".join(
    f"# HELP {name} {said}\n# TYPE {name} gauge\n{name} {value}\n"
    for name, said, value in (
        ("poselift_ready", READY_SAID, 0),
        ("poselift_degraded", DEGRADED_SAID, 1),
    )
)
"""What is said for a worker that says nothing."""


def new_session_id() -> str:
    """An id that cannot be guessed."""
    return secrets.token_urlsafe(18)


@dataclass(frozen=True)
class Siblings:
    """The workers of one service, and which of them this process is."""

    folder: Path
    """Of their Unix sockets; no other user may enter it."""
    count: int
    loads: SharedLoads
    number: int = 0
    """From 1; 0 for the keeper, which is none."""

    @property
    def numbers(self) -> Iterable[int]:
        """Those of all workers."""
        return range(1, self.count + 1)

    def each(self) -> "Iterator[Siblings]":
        """The same as each worker sees it."""
        return (replace(self, number=number) for number in self.numbers)

    @property
    def store_folder(self) -> Path:
        """Where the private store has its socket."""
        return self.folder / "store"

    def requests_path(self, number: int) -> Path:
        """The socket of a worker for requests that others pass on to it."""
        return self.folder / f"requests-{number}"

    def whose(self, session_id: str) -> int:
        """The worker that requests of a live session are passed on to."""
        return zlib.crc32(session_id.encode()) % self.count + 1

    def new_session_id(self) -> str:
        """An id that cannot be guessed, of a session that is this worker's."""
        while self.whose(session_id := new_session_id()) != self.number:
            pass
        return session_id

    @property
    def lock_path(self) -> Path:
        """A file that they lock."""
        return self.folder / "lock"

    @property
    def management_path(self) -> Path:
        """The socket of this worker's management port."""
        return self._management_path(self.number)

    async def alive(self) -> Status:
        """Do the workers work? One that does not answer, as while it is started, does not count.

        Raises:
            Unavailable: the event loop of one is stuck, or there is none.
        """
        answers = await self._statuses("/healthz")
        for number, answer in answers.items():
            if answer is not None and answer.status != HTTPStatus.OK:
                raise Unavailable(f"worker {number}: {answer.detail}")
        if not any(answers.values()):
            raise Unavailable("no worker is there")
        return Status("alive")

    async def readiness(self) -> Status:
        """Should requests be sent here?

        Raises:
            Unavailable: no worker takes any.
        """
        answers = await self._statuses("/readyz")
        is_ready = {
            number: answer is not None and answer.status == HTTPStatus.OK
            for number, answer in answers.items()
        }
        doubts = [
            f"worker {number}: {answer.detail if answer else _SILENT}"
            for number, answer in answers.items()
            if answer is None or not is_ready[number] or answer.detail
        ]
        if not any(is_ready.values()):
            raise Unavailable("; ".join(doubts))
        return Status("degraded", "; ".join(doubts)) if doubts else Status("ready")

    async def metrics(self) -> dict[str, str]:
        """What the workers count, by their numbers; of one that is not there, only that."""
        answers = await self.ask_all("GET", "/metrics")
        return {
            str(number): answer.text if answer else _ABSENT for number, answer in answers.items()
        }

    async def ask_all(
        self, method: str, path: str, patience_s: float = _PATIENCE_S
    ) -> "dict[int, Answer | None]":
        """The answer of each worker's management port; None of one that gives none in time."""
        asking = partial(_ask, method=method, path=path, patience_s=patience_s)
        sockets = map(self._management_path, self.numbers)
        answers = await asyncio.gather(*map(asking, sockets))
        return dict(zip(self.numbers, answers, strict=True))

    async def _statuses(self, path: str) -> "dict[int, Answer | None]":
        return await self.ask_all("GET", path, _STATUS_PATIENCE_S)

    def _management_path(self, number: int) -> Path:
        return self.folder / f"management-{number}"


@dataclass(frozen=True)
class Answer:
    """What a worker's management port says."""

    status: int
    text: str

    @property
    def detail(self) -> str | None:
        """What a probe is told besides the status."""
        detail: str | None = orjson.loads(self.text).get("detail")
        return detail


async def _ask(path_of_socket: Path, method: str, path: str, patience_s: float) -> Answer | None:
    try:
        async with asyncio.timeout(patience_s):  # its TimeoutError is an OSError
            reader, writer = await asyncio.open_unix_connection(path_of_socket)
            try:
                return await _answered(reader, writer, method, path)
            finally:
                writer.close()
    except (OSError, h11.RemoteProtocolError):
        return None  # it has ended, not begun, or hangs


async def _answered(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, method: str, path: str
) -> Answer:
    http, status, content = h11.Connection(h11.CLIENT), 0, b""
    request = h11.Request(method=method, target=path, headers=[("host", "localhost")])
    for part in (request, h11.EndOfMessage()):
        writer.write(http.send(part) or b"")
    while not isinstance(event := http.next_event(), h11.EndOfMessage):
        if event is h11.NEED_DATA:
            http.receive_data(await reader.read(_PIECE_BYTES))
        elif isinstance(event, h11.Response):
            status = event.status_code
        elif isinstance(event, h11.Data):
            content += event.data
    return Answer(status, content.decode())


@dataclass(frozen=True)
class _Collected:
    """What ``generate_latest`` writes."""

    collect: Callable[[], Iterable[Metric]]


def merged(of_workers: Mapping[str, str], own: str = "") -> bytes:
    """Metrics of the whole: those of each worker labelled with its number.

    No sums: where a worker is started again its counters begin anew, which only they can tell.
    """
    found: dict[str, Metric] = {}
    for worker, text in {"": own, **of_workers}.items():
        label = {"worker": worker} if worker else {}
        for family in text_string_to_metric_families(text):
            about = family.name, family.documentation, family.type
            whole = found.setdefault(family.name, Metric(*about))
            whole.samples += [
                sample._replace(labels={**sample.labels, **label}) for sample in family.samples
            ]
    return generate_latest(_Collected(found.values))
