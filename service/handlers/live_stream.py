"""A live stream from its first message to its last, over any channel."""

import asyncio
import time
from collections import deque
from functools import partial
from typing import Any, Protocol, TypeAlias

from poselift.errors import InvalidInput, PoseliftError
from service.admission import Admitted
from service.body_memory import MemoryBudget
from service.context import ServiceContext
from service.live.frames import Frame
from service.live.session import LiveSession
from service.request_errors import DeadlineExceeded, IndexGap, Overloaded, TooLarge, Unreadable
from service.requests import SessionOptions
from service.traces import frame_trace
from service.validation import Limits
from service.wire.stream_messages import Close, Message, OpenedSession
from service.wire.wire_format import WireFormat

LARGEST_MESSAGE_BYTES = 4 * 1024 * 1024
"""Of a stream, once it is open."""

_LARGEST_OPENING_BYTES = 64 * 1024
_FIRST_MESSAGE_S = 10.0
_MOST_WAITING = 8
"""Frames that wait where the oldest are left out; together no larger than one may be."""
_REFUSALS = (IndexGap, InvalidInput, Unreadable, TooLarge)
"""Errors about one frame: they are answered in the stream, which goes on."""


class Channel(Protocol):
    """What carries a stream's messages."""

    @property
    def came_at(self) -> float:
        """When the message that was received last had come, by ``time.perf_counter``."""

    async def receive(self) -> bytes | None:
        """The client's next message; None at the end."""

    async def send(self, content: bytes) -> None:
        """Take a message to the client; waits while the client does not read."""


_Waiting: TypeAlias = deque[tuple[bytes, float]]
"""Messages, and when each had come."""


def decoded_message(wire_format: WireFormat, joints: int, body: bytes, _: Limits) -> Message:
    """A stream's message, decoded in another process."""
    return wire_format.decode_stream_message(body, joints)


class LiveStream:
    """One caller's stream: opened, then frame by frame answered in order."""

    def __init__(
        self, context: ServiceContext, wire_format: WireFormat, channel: Channel, asked: Admitted
    ) -> None:
        self._sessions = context.live
        self._metrics = context.metrics
        self._decoder = context.decoder
        self._budget = MemoryBudget(LARGEST_MESSAGE_BYTES, context.shares.body_bytes)
        self._format = wire_format
        self._channel = channel
        self._slow_reader_s = context.slow_reader_s
        self._asked = asked
        self._tracer = context.tracer
        # A notice may come while an answer is on its way out, and gRPC takes one at a time.
        self._sending = asyncio.Lock()
        self._sends_since: float | None = None

    async def run(self) -> None:
        """Serve until the client ends it.

        Raises:
            PoseliftError: the session cannot be opened, or ends by itself; told in a notice first.
        """
        options = await self._first()
        caller = self._asked.caller
        session = await self._sessions.open(options, caller.name, True, caller.shares_as)
        self._asked.place.close()
        session.unattended.clear()
        try:
            await self._send(self._format.encode_opened(OpenedSession.of(session)))
            await self._serve(session)
        finally:
            self._sessions.leave(session)

    async def _first(self) -> SessionOptions:
        """The message that a stream begins with."""
        try:
            async with asyncio.timeout(_FIRST_MESSAGE_S):
                body = await self._channel.receive()
        except TimeoutError:
            raise DeadlineExceeded("no session was opened in time") from None
        if body is not None and len(body) > _LARGEST_OPENING_BYTES:
            raise TooLarge(f"the first message is over {_LARGEST_OPENING_BYTES} bytes")
        message = None if body is None else self._format.decode_stream_message(body, 0)
        if not isinstance(message, SessionOptions):
            raise InvalidInput.at("body", "a first message that opens a session")
        return message

    async def _serve(self, session: LiveSession) -> None:
        """Lift frames until the client or the session ends, whichever is first."""
        may_drop = session.options.when_behind == "drop_oldest"
        work = self._lift_newest if may_drop else self._lift_in_turn
        lifting = asyncio.create_task(work(session))
        ended = asyncio.create_task(session.notified.wait())
        try:
            await self._first_done(lifting, ended)
            if session.reason is not None and not lifting.done():
                await self._notify(session, session.reason)
                raise session.reason
            await lifting
        finally:
            lifting.cancel()
            ended.cancel()
            await asyncio.gather(lifting, ended, return_exceptions=True)

    async def _first_done(self, *tasks: asyncio.Task[Any]) -> None:
        """Wait until one of them is done.

        Raises:
            Overloaded: an answer was not read for too long. A timer for each would cost more than
                writing it.
        """
        left_s, done = self._slow_reader_s, set[asyncio.Task[Any]]()
        while not done:
            done, _ = await asyncio.wait(tasks, timeout=left_s, return_when=asyncio.FIRST_COMPLETED)
            since, now = self._sends_since, time.monotonic()
            left_s = self._slow_reader_s if since is None else since + self._slow_reader_s - now
            if left_s <= 0 and not done:
                raise _not_read()

    async def _lift_in_turn(self, session: LiveSession) -> None:
        """The next message is read once the last is answered, so senders wait with us."""
        while (body := await self._channel.receive()) is not None:
            if not await self._answer(session, body, self._channel.came_at):
                return

    async def _lift_newest(self, session: LiveSession) -> None:
        """Messages are read as they come; of frames that wait, the oldest are left out."""
        waiting: _Waiting = deque(maxlen=_MOST_WAITING)
        arrived = asyncio.Event()
        reading = asyncio.create_task(self._read_into(waiting, arrived))
        try:
            while not (reading.done() and not waiting):
                if not waiting:
                    arrived.clear()
                    await arrived.wait()
                    continue
                if not await self._answer(session, *waiting.popleft()):
                    return
            await reading
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    async def _read_into(self, waiting: _Waiting, arrived: asyncio.Event) -> None:
        try:
            while (body := await self._channel.receive()) is not None:
                waiting.append((body, self._channel.came_at))
                while len(waiting) > 1 and sum(map(_size, waiting)) > LARGEST_MESSAGE_BYTES:
                    waiting.popleft()
                arrived.set()
        finally:
            arrived.set()

    async def _answer(self, session: LiveSession, body: bytes, came_at: float) -> bool:
        """Answer one message, whose trace is its own; whether more may follow."""
        with frame_trace(self._tracer):
            return await self._answer_next(session, body, came_at)

    async def _answer_next(self, session: LiveSession, body: bytes, came_at: float) -> bool:
        index = session.next_index
        try:
            if len(body) <= self._format.inline_bytes:
                message = self._format.decode_stream_message(body, session.joints)
            else:
                message = await self._decoded_elsewhere(session, body)
            if isinstance(message, Close):
                for answer in await session.waiting():
                    said = self._format.encode_pose(answer)
                    self._metrics.frame_answered(time.perf_counter() - came_at)
                    await self._send_answer(said)
                await self._sessions.close(session)
                return False
            if not isinstance(message, Frame):
                raise InvalidInput.at("body", "a frame or close: the session is open already")
            index = message.index
            poses = await session.push(message)
            if poses is None:  # it is answered later
                return True
            said = self._format.encode_pose(poses)
            self._metrics.frame_answered(time.perf_counter() - came_at)
        except _REFUSALS as error:
            said = self._format.encode_refusal(index, error, session.next_index)
        except PoseliftError as error:
            await self._notify(session, error)
            raise
        await self._send_answer(said)
        return True

    async def _decoded_elsewhere(self, session: LiveSession, body: bytes) -> Message:
        caller = self._asked.caller
        with self._budget.lease(caller.party, caller.quotas.bytes_in_flight) as lease:
            lease.extend(len(body))
            decode = partial(decoded_message, self._format, session.joints)
            return await self._decoder.elsewhere(decode, body, caller.party)

    async def _notify(self, session: LiveSession, reason: PoseliftError) -> None:
        await self._send(self._format.encode_notice(session.id, reason, session.next_index))

    async def _send(self, message: bytes) -> None:
        """Send a message that is not the answer to a frame.

        Raises:
            Overloaded: it was not read for too long.
        """
        try:
            async with asyncio.timeout(self._slow_reader_s):
                await self._send_answer(message)
        except TimeoutError:
            raise _not_read() from None

    async def _send_answer(self, message: bytes) -> None:
        """Send a message; ``_first_done`` sees whether it is read."""
        async with self._sending:
            self._sends_since = time.monotonic()
            try:
                await self._channel.send(message)
            finally:
                self._sends_since = None


def _size(waiting: tuple[bytes, float]) -> int:
    return len(waiting[0])


def _not_read() -> Overloaded:
    return Overloaded("answers were not read for too long", reason="unread")
