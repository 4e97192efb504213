"""What the store keeps of live sessions, in Redis: any replica can go on from it.

Of each session there are two keys: a hash of who writes (``token``, the writer's fence), the next
frame's index and how the session was opened, and a stream with the latest frames. The scripts of
``store_scripts`` change them; appends of many sessions travel in one round trip.

The store may lose what it was given, and come back older or empty. It is then in another *life*:
those who hold sessions write them again, and openings wait until they have had the time to.
"""

import asyncio
import logging
import secrets
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final, NamedTuple

from redis.commands.core import AsyncScript

from service.live import store_scripts as scripts
from service.live.store_connection import Call, StoreAway, StoreConnection
from service.live.store_server import StoreServer
from service.traces import traced

_log = logging.getLogger(__name__)

_MOST_AT_ONCE = 512
"""Appends in one round trip."""
_REMEMBER_CLOSED_MS = 120_000
"""How long a closed session's former writers are kept from writing it once more."""
_PROBE_S = 0.25
"""How often a store that is away is tried."""
_CHECK_S = 5.0
"""How often one that is here is tried."""
_LIFE_KEY: Final = "poselift:life"
_NO_EVICTION: Final = "noeviction"


class SessionAbsent(Exception):
    """There is no such session, or no longer."""


class SessionForeign(Exception):
    """The session belongs to another API key."""


class WriterFenced(Exception):
    """Somebody else has opened the session since and writes it now."""


class RecordBehind(Exception):
    """The record is not as its writer left it: it is gone, older, or damaged."""


class LifeEnded(Exception):
    """The store is in another life by now: what is missing may yet be written back."""


_REFUSALS: Final = {
    b"absent": SessionAbsent,
    b"foreign": SessionForeign,
    b"fenced": WriterFenced,
    b"behind": RecordBehind,
    b"ended": LifeEnded,
}


class Standing(Enum):
    """How the record of a session is to its writer."""

    THERE = b"there"
    """As the writer left it."""
    BEHIND = b"behind"
    """Gone, older, or damaged."""
    FENCED = b"fenced"
    """A later writer's."""


@dataclass(frozen=True)
class Writer:
    """Who may append to a session: the last one that opened it, known by its fence."""

    session_id: str
    fence: bytes


@dataclass(frozen=True)
class Opened:
    """A session as the store has it."""

    next_index: int
    options: bytes
    writer: Writer | None
    """Its new one; None where it keeps the one it had."""


@dataclass(frozen=True, slots=True)
class StoredFrame:
    """A frame's record."""

    index: int
    after: int | None
    """The index that was next when it came, less than its own where that jumped; None where an
    earlier version of the service wrote it, which did not say."""
    record: bytes


@dataclass(frozen=True)
class SessionRecord:
    """All that the store holds of a session, to be written once more."""

    next_index: int
    options: bytes
    owner: str
    frames: Sequence[StoredFrame]
    """The latest frames, oldest first."""


class Life(NamedTuple):
    """A life of the store: what was written in an earlier one may be missing."""

    name: bytes
    age_s: float
    """For how long it has been known."""


@dataclass(eq=False)
class _Append:
    writer: Writer
    frame: StoredFrame
    done: asyncio.Future[bool] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )

    def settle(self, result: bool | Exception) -> None:
        if self.done.done():
            return
        if isinstance(result, Exception):
            self.done.set_exception(result)
        else:
            self.done.set_result(result)


class SessionStore:
    """Sessions in a server that speaks the Redis protocol.

    Args:
        server: where it is.
        expiry_s: after how long without a frame a session is forgotten.
        frames_kept: how many frames of a session are kept at least.
        timeout_s: for connecting and for each round trip; then the store counts as away.
        copies: how many replicas of the server have to have a frame for it to be durable.
        settle_s: how long openings wait in a new life of the store, for those who hold sessions
            to write back what it has lost.
        observe: told how many seconds each round trip took.
    """

    def __init__(
        self,
        server: StoreServer,
        expiry_s: float,
        frames_kept: int,
        timeout_s: float = 1.0,
        copies: int = 0,
        settle_s: float = 0.0,
        observe: Callable[[float], None] = lambda _: None,
    ) -> None:
        self.expiry_s = expiry_s
        self._expiry_ms = max(int(expiry_s * 1000), 1)
        self._frames_kept = frames_kept
        self._settle_s = settle_s
        self._connection = StoreConnection(server, timeout_s, copies, observe)
        register = self._connection.redis.register_script
        self._open, self._look = register(scripts.OPEN), register(scripts.LOOK)
        self._append, self._standing = register(scripts.APPEND), register(scripts.STANDING)
        self._replace, self._close = register(scripts.REPLACE), register(scripts.CLOSE)
        self._life = register(scripts.LIFE)
        self._known_life = b""
        self._eviction = _NO_EVICTION
        self._waiting: asyncio.Queue[_Append] = asyncio.Queue()
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def is_here(self) -> bool:
        """Whether the store can be used, as far as is known."""
        return self._connection.trouble is None

    @property
    def trouble(self) -> str | None:
        """Why it cannot be used, or may lose sessions, in words that go on after its name."""
        if self.is_here and self._eviction != _NO_EVICTION:
            return f"may evict sessions (maxmemory-policy {self._eviction})"
        return self._connection.trouble

    async def start(self) -> None:
        """Connect; begins to append, on the current event loop.

        Raises:
            StoreAway: it does not answer, or refuses what sessions need.
        """
        await self._check()
        for task in (self._append_waiting(), self._keep_checking()):
            self._tasks.append(asyncio.create_task(task))

    async def stop(self) -> None:
        """Let go of the server."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for append in self._waiting_now(self._waiting.qsize()):
            append.settle(StoreAway("was stopped"))
        await self._connection.close()

    @traced("store_open")
    async def open(
        self, session_id: str, owner: str, options: bytes | None, life: bytes = b""
    ) -> Opened:
        """Take a session over; make it where it does not exist and ``options`` are given.

        Raises:
            SessionAbsent: there is none, and no options to make it with.
            SessionForeign: it belongs to another owner.
            LifeEnded: the store is not in this life any more.
            StoreAway: the store does not answer.
        """
        arguments = options or b"", owner, self._expiry_ms, life
        _, next_index, kept, *fence = await self._call(self._open, session_id, *arguments)
        writer = Writer(session_id, fence[0]) if fence else None
        return Opened(int(next_index), kept, writer)

    @traced("store_look")
    async def look(self, session_id: str, owner: str, life: bytes = b"") -> Opened:
        """A session as it is, left with its writer; raises what ``open`` does."""
        _, next_index, kept = await self._call(self._look, session_id, owner, life)
        return Opened(int(next_index), kept, None)

    @traced("store_frames")
    async def frames(self, session_id: str) -> list[StoredFrame]:
        """The latest frames of a session, oldest first.

        Raises:
            StoreAway: the store does not answer.
        """
        _, stream = _keys(session_id)
        question: Any = self._connection.redis.xrevrange(stream, count=self._frames_kept)
        entries = await self._connection.asked(question)
        return [_stored(*entry) for entry in reversed(entries) if b"f" in entry[1]]

    @traced("store_append")
    async def append(self, writer: Writer, frame: StoredFrame) -> bool:
        """Append one frame, together with those of other sessions; whether it is durable.

        A frame that is already there was appended by this same writer, and its answer lost.

        Raises:
            RecordBehind: the frames before it are not all there.
            WriterFenced: somebody else writes it now.
            StoreAway: the store does not answer; whether the frame is there is not known.
        """
        self._check_here()
        append = _Append(writer, frame)
        self._waiting.put_nowait(append)
        return await append.done

    @traced("store_replace")
    async def replace(self, writer: Writer, record: SessionRecord) -> bool:
        """Write all there is of a session once more; whether it is durable.

        Raises:
            WriterFenced: somebody else writes it now.
            StoreAway: the store does not answer.
        """
        self._check_here()
        return await self._replace_all(writer, record)

    async def _replace_all(self, writer: Writer, record: SessionRecord) -> bool:
        fields = record.next_index, record.options, record.owner, self._expiry_ms
        frames = [part for frame in record.frames for part in (_entry_id(frame), frame.record)]
        call = _keys(writer.session_id), (writer.fence, *fields, *frames)
        answers, is_durable = await self._connection.asked(
            self._connection.run_durably(self._replace, [call])
        )
        self._granted(answers[0], writer.session_id)
        return is_durable

    async def standings(self, writers: Sequence[tuple[Writer, int]]) -> list[Standing]:
        """How the records of sessions are to their writers, who have come to these indices.

        Raises:
            StoreAway: the store does not answer.
        """
        calls = [(_keys(each.session_id), (each.fence, index)) for each, index in writers]
        return [Standing(answer[0]) for answer in await self._answers(self._standing, calls)]

    @traced("store_close")
    async def close(self, writer: Writer) -> None:
        """Forget a session.

        Raises:
            WriterFenced: somebody else writes it now.
            StoreAway: the store does not answer.
        """
        await self._call(self._close, writer.session_id, writer.fence, _REMEMBER_CLOSED_MS)

    async def life(self) -> Life:
        """In which life the store is.

        Raises:
            StoreAway: the store does not answer.
        """
        name, age_ms = (await self._answers(self._life, [((_LIFE_KEY,), ())]))[0]
        if name != self._known_life:
            self._known_life = name
        return Life(name, age_ms / 1000)

    async def check_life(self, life: bytes) -> None:
        """See that what is missing has been so in all of a life.

        Raises:
            LifeEnded: the store is in another one.
            StoreAway: the store does not answer.
        """
        if life and (await self.life()).name != life:
            raise LifeEnded(life)

    async def settled(self) -> bytes:
        """Wait until those who hold sessions have had the time to write back what is missing.

        Returns the name of the life in which they had.

        Raises:
            StoreAway: the store does not answer.
        """
        while True:
            life = await self.life()
            left_s = self._settle_s - life.age_s
            if left_s <= 0:
                return life.name
            await asyncio.sleep(left_s)

    def _check_here(self) -> None:
        if not self.is_here:
            raise StoreAway("is away")

    async def _call(self, script: AsyncScript, session_id: str, *arguments: Any) -> list[Any]:  # noqa: ANN401
        answers = await self._answers(script, [((*_keys(session_id), _LIFE_KEY), arguments)])
        return self._granted(answers[0], session_id)

    async def _answers(self, script: AsyncScript, calls: Sequence[Call]) -> list[list[Any]]:
        answers = await self._connection.asked(self._connection.run(script, calls))
        return [self._connection.answered(answer) for answer in answers]

    def _granted(self, answer: Any, session_id: str) -> list[Any]:  # noqa: ANN401
        """An answer that is neither an error nor a refusal."""
        answered = self._connection.answered(answer)
        if (refusal := _REFUSALS.get(answered[0])) is not None:
            raise refusal(session_id)
        return answered

    # Appends

    async def _append_waiting(self) -> None:
        while True:
            batch = [await self._waiting.get(), *self._waiting_now(_MOST_AT_ONCE - 1)]
            try:
                await self._append_all(batch)
            except Exception as error:
                away = self._connection.failed(error)
                for append in batch:
                    append.settle(away)

    def _waiting_now(self, most: int) -> list[_Append]:
        return [self._waiting.get_nowait() for _ in range(min(most, self._waiting.qsize()))]

    async def _append_all(self, batch: list[_Append]) -> None:
        calls = [self._appending(append.writer, append.frame) for append in batch]
        answers, is_durable = await self._connection.run_durably(self._append, calls)
        for append, answer in zip(batch, answers, strict=True):
            try:
                self._granted(answer, append.writer.session_id)
            except Exception as error:
                append.settle(error)
            else:
                append.settle(is_durable)

    def _appending(self, writer: Writer, frame: StoredFrame) -> Call:
        fields = writer.fence, frame.after, frame.index + 1, _entry_id(frame), frame.record
        return _keys(writer.session_id), (*fields, self._expiry_ms, self._frames_kept)

    # Health

    async def _keep_checking(self) -> None:
        """See whether the store can do what it should: often while it could not."""
        checked_at = time.monotonic()
        while True:
            await asyncio.sleep(_PROBE_S)
            if self.is_here and time.monotonic() < checked_at + _CHECK_S:
                continue
            if not self.is_here:
                await self._connection.let_go()
            checked_at = time.monotonic()
            with suppress(StoreAway):
                await self._check()

    async def _check(self) -> None:
        """Open a session without an owner, append to it and close it.

        Raises:
            StoreAway: that cannot be done.
        """
        session_id = f"check-{secrets.token_urlsafe(18)}"
        try:
            writer = (await self.open(session_id, "", b"{}")).writer
            assert writer is not None
            frame = StoredFrame(0, 0, b"")
            (answer,) = await self._answers(self._append, [self._appending(writer, frame)])
            if Standing(answer[0]) is not Standing.THERE:  # writing tells why
                await self._replace_all(writer, SessionRecord(1, b"{}", "", [frame]))
            await self.close(writer)
            await self._connection.asked(self._connection.redis.delete(*_keys(session_id)))
            await self.life()
            await self._look_at_eviction()
        except StoreAway:
            self._connection.lost()
            raise
        self._connection.found()

    async def _look_at_eviction(self) -> None:
        memory = await self._connection.asked(self._connection.redis.info("memory"))
        policy = memory.get("maxmemory_policy", _NO_EVICTION)
        if policy not in {self._eviction, _NO_EVICTION}:
            wrong = "the session store may evict sessions (maxmemory-policy %s): set it to %s"
            _log.warning(wrong, policy, _NO_EVICTION)
        self._eviction = policy


def _entry_id(frame: StoredFrame) -> str:
    """The id of a frame's entry; its second number tells what was next before, if that is known."""
    jumped = 0 if frame.after is None else 1 + frame.index - frame.after
    return f"{frame.index + 1}-{jumped}"


def _stored(entry_id: bytes, fields: dict[bytes, bytes]) -> StoredFrame:
    number, _, jumped = entry_id.partition(b"-")
    index = int(number) - 1
    after = index + 1 - int(jumped) if int(jumped) else None
    return StoredFrame(index, after, fields[b"f"])


def _keys(session_id: str) -> tuple[str, str]:
    """The hash and the stream of a session."""
    tag = f"poselift:{{{session_id}}}"
    return f"{tag}:session", f"{tag}:frames"
