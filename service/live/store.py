"""What the store keeps of live sessions, in Redis: any replica can go on from it.

Of each session there are two keys with one hash tag, so that a cluster keeps them together: a hash
of who writes (``token``), the next frame's index and how the session was opened, and a stream with
the latest frames, whose entry ids are the frames' indices. Appending checks writer and index and
refreshes expiry in one script; appends of many sessions travel in one round trip.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.commands.core import AsyncScript
from redis.exceptions import (
    ClusterDownError,
    MasterDownError,
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)
from redis.exceptions import ConnectionError as RedisConnectionError

_log = logging.getLogger(__name__)

_MOST_CONNECTIONS = 32
_LONGEST_WAIT_S = 10.0
"""For one of them: openings come in crowds when another replica dies."""
_MOST_AT_ONCE = 512
"""Appends in one round trip."""
_REMEMBER_CLOSED_MS = 120_000
"""How long a closed session's former writers are kept from writing it once more."""
_PROBE_S = 0.25
"""How often a store that is away is tried."""

_NOT_NOW: Final = (OutOfMemoryError, ReadOnlyError, ClusterDownError, MasterDownError)
_NOT_NOW_CODES: Final = ("OOM", "READONLY", "LOADING", "MISCONF", "NOREPLICAS", "BUSY", "NOAUTH")
"""Answers of a server that is there, but cannot do what it should."""

_OPEN: Final = """
local found = redis.call('HMGET', KEYS[1], 'options', 'owner', 'next')
if not found[1] then
  if ARGV[1] == '' then return {'absent'} end
  redis.call('HSET', KEYS[1], 'options', ARGV[1], 'owner', ARGV[2], 'next', 0)
elseif found[2] ~= ARGV[2] then
  return {'foreign'}
elseif ARGV[1] ~= '' and ARGV[1] ~= found[1] then
  return {'other', found[3], found[1]}
end
redis.call('HSET', KEYS[1], 'token', ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
redis.call('PEXPIRE', KEYS[2], ARGV[4])
return {'open', redis.call('HGET', KEYS[1], 'next'), redis.call('HGET', KEYS[1], 'options')}
"""
_APPEND: Final = """
local found = redis.call('HMGET', KEYS[1], 'token', 'next')
if not found[1] then return {'absent'} end
if found[1] ~= ARGV[1] then return {'fenced'} end
if tonumber(found[2]) > tonumber(ARGV[2]) then return {'known', found[2]} end
redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[5], ARGV[6] .. '-0', 'f', ARGV[3])
redis.call('HSET', KEYS[1], 'next', ARGV[6])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
redis.call('PEXPIRE', KEYS[2], ARGV[4])
return {'ok'}
"""
_REPLACE: Final = """
local token = redis.call('HGET', KEYS[1], 'token')
if token and token ~= ARGV[1] then return {'fenced'} end
redis.call('DEL', KEYS[2])
for i = 6, #ARGV, 2 do
  redis.call('XADD', KEYS[2], ARGV[i] .. '-0', 'f', ARGV[i + 1])
end
redis.call('HSET', KEYS[1], 'token', ARGV[1], 'next', ARGV[2], 'options', ARGV[3], 'owner', ARGV[4])
redis.call('PEXPIRE', KEYS[1], ARGV[5])
redis.call('PEXPIRE', KEYS[2], ARGV[5])
return {'ok'}
"""
_CLOSE: Final = """
if redis.call('HGET', KEYS[1], 'token') ~= ARGV[1] then return {'fenced'} end
redis.call('DEL', KEYS[1], KEYS[2])
redis.call('HSET', KEYS[1], 'token', '')
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return {'ok'}
"""


class StoreAway(Exception):
    """The store cannot be reached, or cannot write."""


class SessionAbsent(Exception):
    """There is no such session, or no longer."""


class SessionForeign(Exception):
    """The session belongs to another API key."""


class WriterFenced(Exception):
    """Somebody else has opened the session since and writes it now."""


_REFUSALS: Final = {b"absent": SessionAbsent, b"foreign": SessionForeign, b"fenced": WriterFenced}


@dataclass(frozen=True)
class Opened:
    """A session as the store has it."""

    next_index: int
    options: bytes
    is_taken: bool = True
    """Whether it has a new writer now; not if it was opened with other options."""


@dataclass(frozen=True)
class Writer:
    """Who may append to a session: the last one that opened it, known by its token."""

    session_id: str
    token: str


@dataclass(frozen=True)
class SessionRecord:
    """All that the store holds of a session, to be written once more."""

    next_index: int
    options: bytes
    owner: str
    frames: Sequence[tuple[int, bytes]]
    """The latest frames by their indices, oldest first."""


@dataclass(eq=False)
class _Append:
    writer: Writer
    index: int
    frame: bytes
    done: asyncio.Future[None] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )

    def settle(self, error: Exception | None) -> None:
        if self.done.done():
            return
        if error is None:
            self.done.set_result(None)
        else:
            self.done.set_exception(error)


class SessionStore:
    """Sessions in a server that speaks the Redis protocol.

    Args:
        url: of the server; ``unix://`` for one on this machine.
        expiry_s: after how long without a frame a session is forgotten.
        frames_kept: how many frames of a session are kept at least.
        timeout_s: for connecting and for each answer; then the store counts as away.
    """

    def __init__(self, url: str, expiry_s: float, frames_kept: int, timeout_s: float = 1.0) -> None:
        # Many sessions may be opened at once; they wait for a connection rather than for a new one.
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=_MOST_CONNECTIONS,
            timeout=_LONGEST_WAIT_S,
            socket_timeout=timeout_s,
            socket_connect_timeout=timeout_s,
            # A connection of the pool may be to a server that was restarted since. Every question
            # may be asked twice: appending twice is noticed, and the rest changes nothing more.
            retry=Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,)),
            decode_responses=False,
        )
        self._redis: Redis = Redis(connection_pool=pool)
        self._expiry_ms = max(int(expiry_s * 1000), 1)
        self._frames_kept = frames_kept
        self._open, self._append, self._replace, self._close = map(
            self._redis.register_script, (_OPEN, _APPEND, _REPLACE, _CLOSE)
        )
        self._waiting: asyncio.Queue[_Append] = asyncio.Queue()
        self._is_here = True
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def is_here(self) -> bool:
        """Whether the store answered when it was last asked."""
        return self._is_here

    async def start(self) -> None:
        """Connect; begins to append, on the current event loop.

        Raises:
            StoreAway: it does not answer.
        """
        await self._asked(self._redis.ping())
        for task in (self._append_waiting(), self._probe()):
            self._tasks.append(asyncio.create_task(task))

    async def stop(self) -> None:
        """Let go of the server."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for append in self._waiting_now(self._waiting.qsize()):
            append.settle(StoreAway("stopped"))
        await self._redis.aclose(close_connection_pool=True)

    async def open(self, writer: Writer, owner: str, options: bytes | None) -> Opened:
        """Take a session over; make it where it does not exist and ``options`` are given.

        Raises:
            SessionAbsent: there is none, and no options to make it with.
            SessionForeign: it belongs to another owner.
            StoreAway: the store does not answer.
        """
        arguments = (options or b"", owner, writer.token, self._expiry_ms)
        state, next_index, kept = await self._call(self._open, writer.session_id, *arguments)
        return Opened(int(next_index), kept, is_taken=state == b"open")

    async def look(self, session_id: str, owner: str) -> Opened:
        """A session as it is, left with its writer; raises what ``open`` does."""
        session, _ = _keys(session_id)
        fields = await self._asked(self._redis.hmget(session, "options", "owner", "next"))
        options, kept_owner, next_index = fields
        if options is None:
            raise SessionAbsent(session_id)
        if kept_owner.decode() != owner:
            raise SessionForeign(session_id)
        return Opened(int(next_index), options)

    async def append(self, writer: Writer, index: int, frame: bytes) -> None:
        """Append one frame, together with those of other sessions.

        A frame that is already there was appended by this same writer, and its answer lost.

        Raises:
            SessionAbsent: the session is gone.
            WriterFenced: somebody else writes it now.
            StoreAway: the store does not answer; whether the frame is there is not known.
        """
        if not self._is_here:
            raise StoreAway("away")
        append = _Append(writer, index, frame)
        self._waiting.put_nowait(append)
        await append.done

    async def replace(self, writer: Writer, record: SessionRecord) -> None:
        """Write all there is of a session once more, after the store was away or forgot it.

        Raises:
            WriterFenced: somebody else writes it now.
            StoreAway: the store does not answer.
        """
        if not self._is_here:
            raise StoreAway("away")
        frames = [part for index, frame in record.frames for part in (index + 1, frame)]
        fields = (record.next_index, record.options, record.owner, self._expiry_ms)
        await self._call(self._replace, writer.session_id, writer.token, *fields, *frames)

    async def frames(self, session_id: str) -> list[tuple[int, bytes]]:
        """The latest frames of a session by their indices, oldest first.

        Raises:
            StoreAway: the store does not answer.
        """
        _, frames = _keys(session_id)
        entries = await self._asked(self._redis.xrevrange(frames, count=self._frames_kept))
        return [(int(key.partition(b"-")[0]) - 1, entry[b"f"]) for key, entry in reversed(entries)]

    async def fenced(self, writers: Sequence[Writer]) -> list[Writer]:
        """Those of these writers that may append no more, as somebody else has come since.

        Raises:
            StoreAway: the store does not answer.
        """
        pipeline = self._redis.pipeline(transaction=False)
        for writer in writers:
            pipeline.hget(_keys(writer.session_id)[0], "token")
        tokens = await self._asked(pipeline.execute())
        known = zip(writers, tokens, strict=True)
        return [writer for writer, token in known if token not in {None, writer.token.encode()}]

    async def close(self, writer: Writer) -> None:
        """Forget a session.

        Raises:
            WriterFenced: somebody else writes it now, or it is gone.
            StoreAway: the store does not answer.
        """
        await self._call(self._close, writer.session_id, writer.token, _REMEMBER_CLOSED_MS)

    async def _call(self, script: AsyncScript, session_id: str, *arguments: Any) -> list[Any]:  # noqa: ANN401
        answer: list[Any] = await self._asked(script(_keys(session_id), arguments))
        if (error := _refusal(answer, session_id)) is not None:
            raise error
        return answer

    async def _asked(self, question: Any) -> Any:  # noqa: ANN401
        """An answer of the server; any failure to give one means that it is away."""
        try:
            return await question
        except (RedisError, OSError) as error:
            if not _is_away(error):
                raise
            raise self._away(error) from error

    def _away(self, error: Exception) -> StoreAway:
        if self._is_here:
            _log.warning("the session store is away: %s", error)
        self._is_here = False
        return StoreAway(str(error))

    async def _probe(self) -> None:
        """While the store is away, see whether it can write again."""
        while True:
            await asyncio.sleep(_PROBE_S)
            if self._is_here:
                continue
            try:
                await self._redis.set("poselift:probe", b"", px=1000)
            except (RedisError, OSError):
                continue
            _log.info("the session store is back")
            self._is_here = True

    async def _append_waiting(self) -> None:
        while True:
            batch = [await self._waiting.get(), *self._waiting_now(_MOST_AT_ONCE - 1)]
            try:
                await self._append_all(batch)
            except Exception as error:
                away = self._away(error)
                for append in batch:
                    append.settle(away)

    def _waiting_now(self, most: int) -> list[_Append]:
        return [self._waiting.get_nowait() for _ in range(min(most, self._waiting.qsize()))]

    async def _append_all(self, batch: list[_Append]) -> None:
        answers = await self._pipelined(batch)
        if any(isinstance(answer, NoScriptError) for answer in answers):
            await self._redis.script_load(self._append.script)
            answers = await self._pipelined(batch)  # those appended before are known
        for append, answer in zip(batch, answers, strict=True):
            if not isinstance(answer, Exception):
                append.settle(_refusal(answer, append.writer.session_id))
            else:
                append.settle(self._away(answer) if _is_away(answer) else answer)

    async def _pipelined(self, batch: list[_Append]) -> list[Any]:
        pipeline = self._redis.pipeline(transaction=False)
        for append in batch:
            # Registered with the pipeline, the script would cost a round trip more (SCRIPT EXISTS).
            keys = _keys(append.writer.session_id)
            fields = append.writer.token, append.index, append.frame
            kept = self._expiry_ms, self._frames_kept, append.index + 1
            pipeline.evalsha(self._append.sha, len(keys), *keys, *fields, *kept)
        answers: list[Any] = await pipeline.execute(raise_on_error=False)
        return answers


def _is_away(error: Exception) -> bool:
    """Whether the server cannot answer or cannot write, rather than dislikes what it was asked."""
    if not isinstance(error, ResponseError):
        return True
    return isinstance(error, _NOT_NOW) or str(error).startswith(_NOT_NOW_CODES)


def _refusal(answer: Sequence[Any], session_id: str) -> Exception | None:
    """Why a script did nothing, if so."""
    refusal = _REFUSALS.get(answer[0])
    return None if refusal is None else refusal(session_id)


def _keys(session_id: str) -> tuple[str, str]:
    """The hash and the stream of a session."""
    tag = f"poselift:{{{session_id}}}"
    return f"{tag}:session", f"{tag}:frames"
