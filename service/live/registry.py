"""The live sessions of this replica: opened, resumed, taken over, swept and drained."""

import asyncio
import hashlib
import logging
import secrets
import time
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar
from weakref import WeakValueDictionary

from pydantic import ValidationError

from poselift.card import Card
from poselift.errors import InvalidInput, PoseliftError
from poselift.shipped_models import DEFAULT
from service.live.frame_log import StoredSession
from service.live.frames import Frame, FramePoses
from service.live.live_model import LiveModel
from service.live.session import LiveSession, SessionServices
from service.live.store import (
    SessionAbsent,
    SessionForeign,
    SessionStore,
    StoreAway,
    Writer,
    WriterFenced,
)
from service.request_errors import Fenced, Forbidden, NotFound, Unavailable
from service.requests import SessionOptions
from service.served_models import ModelSet

_log = logging.getLogger(__name__)

T = TypeVar("T")

_SWEEP_S = 5.0
_RESTORED_AT_ONCE = 1
"""Sessions that come from elsewhere, so that those that live here hardly notice."""


@dataclass(frozen=True)
class LiveSettings:
    """How long live sessions may do what.

    Attributes:
        max_gap_s: up to how long somebody out of sight keeps a pose.
        max_outage_s: how long a session goes on while the store is away.
        request_idle_s: after how long without a request a session that is used by single requests
            leaves this replica's memory; ``stream_idle_s`` without a frame ends a stream.
    """

    max_gap_s: float = 0.25
    max_outage_s: float = 60.0
    request_idle_s: float = 10.0
    stream_idle_s: float = 600.0


@dataclass(eq=False)
class Connection:
    """What a transport holds of a session it has opened; closing it leaves the store as it is."""

    session: LiveSession
    is_stream: bool
    used_at: float = field(default_factory=time.monotonic)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the session ends here by itself: taken over, or the service drains."""
    reason: PoseliftError | None = None

    @property
    def next_index(self) -> int:
        """The index of the frame expected next."""
        return self.session.next_index

    @property
    def card(self) -> Card:
        """The model's card."""
        return self.session.card

    async def push(self, frame: Frame) -> FramePoses | None:
        """Lift a frame; see ``LiveSession.push``."""
        self.used_at = time.monotonic()
        return await self.session.push(frame)

    async def waiting(self) -> list[FramePoses]:
        """The poses of the frames that wait for those after them; see ``LiveSession.waiting``."""
        return await self.session.waiting()

    def end(self, reason: PoseliftError) -> None:
        """End the session here and tell whoever waits on ``ended``."""
        self.reason = reason
        self.session.end(reason)
        self.ended.set()


class LiveSessions:
    """Everything live on this replica."""

    def __init__(
        self,
        models: ModelSet,
        live_models: Mapping[str, LiveModel],
        store: SessionStore,
        settings: LiveSettings,
    ) -> None:
        self._models = models
        self._live_models = live_models
        self._store = store
        self._settings = settings
        self._connections: dict[str, Connection] = {}
        # Whoever waits for a lock keeps it; the rest are forgotten.
        self._opening: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._restoring = asyncio.Semaphore(_RESTORED_AT_ONCE)
        self._is_draining = False
        self._sweeper: asyncio.Task[None] | None = None

    @property
    def count(self) -> int:
        """How many sessions are live here."""
        return len(self._connections)

    @property
    def is_store_here(self) -> bool:
        """Whether sessions can be opened and resumed."""
        return self._store.is_here

    def start(self) -> None:
        """Begin to sweep, on the current event loop."""
        self._sweeper = asyncio.create_task(self._sweep(), name="session sweeper")

    async def open(self, options: SessionOptions, api_key: str | None) -> Connection:
        """Open a stream's session: a new one, or one that is taken over from whoever has it.

        Raises:
            InvalidInput: the model is not causal, or the session was opened otherwise.
            Forbidden: the session is another API key's.
            Overloaded: there is no room for its people.
            Unavailable: the store is away, or the service drains.
        """
        session_id = options.session_id or secrets.token_urlsafe(18)
        resolved = self._resolved(options)
        return await self._take(session_id, api_key, resolved, is_stream=True)

    async def create(self, options: SessionOptions, api_key: str | None) -> Connection:
        """Open a session that is used by single requests; raises what ``open`` does."""
        session_id = options.session_id or secrets.token_urlsafe(18)
        resolved = self._resolved(options)
        return await self._take(session_id, api_key, resolved, is_stream=False)

    async def continued(self, session_id: str, api_key: str | None) -> Connection:
        """A session that exists, for a single request; a stream that has it loses it.

        Raises:
            NotFound: there is no such session.
            Forbidden, Overloaded, Unavailable: as for ``open``.
        """
        connection = self._connections.get(session_id)
        if connection is not None and not connection.is_stream:
            if connection.session.owner != owner_of(api_key):
                raise Forbidden("this session belongs to another API key")
            if not connection.session.has_ended and not await self._is_taken(connection):
                connection.used_at = time.monotonic()
                return connection
        return await self._take(session_id, api_key, None, is_stream=False)

    async def _is_taken(self, connection: Connection) -> bool:
        """Whether another replica goes on with the session: requests come to any of them."""
        try:
            return bool(await self._store.fenced([connection.session.writer]))
        except StoreAway:
            return False  # no other replica can have taken it since

    async def look(self, session_id: str, api_key: str | None) -> tuple[SessionOptions, Card, int]:
        """How a session was opened, its model and the index it expects next; it is not taken over.

        Raises:
            NotFound: there is no such session.
            Forbidden: it is another API key's.
            Unavailable: the store is away.
        """
        stored = await self._asked(self._store.look(session_id, owner_of(api_key)), session_id)
        options = self._read(stored.options)
        return options, self._models.named(options.model).card, stored.next_index

    async def delete(self, session_id: str, api_key: str | None) -> None:
        """Forget a session; raises what ``continued`` does."""
        writer = Writer(session_id, secrets.token_hex(8))
        owner = owner_of(api_key)
        await self._asked(self._store.open(writer, owner, None), session_id)
        await self._asked(self._store.close(writer), session_id)
        connection = self._connections.get(session_id)
        if connection is not None:
            self.leave(connection, Fenced("the session was deleted"))

    async def close(self, connection: Connection) -> None:
        """End a stream's session for good, as its client asked; its keypoints are forgotten."""
        try:
            await self._store.close(connection.session.writer)
        except (StoreAway, WriterFenced):
            _log.info("a session that was closed stays in the store until it expires")
        self.leave(connection)

    def leave(self, connection: Connection, reason: PoseliftError | None = None) -> None:
        """Free what this replica holds of a session; it can be resumed until it expires."""
        if self._connections.get(connection.session.id) is connection:
            del self._connections[connection.session.id]
        if reason is None:  # the client left by itself, and needs not be told
            connection.session.end(Unavailable("the connection was closed"))
        else:
            connection.end(reason)

    async def drain(self) -> None:
        """Let all sessions go, each to be resumed elsewhere at its next index."""
        self._is_draining = True
        if self._sweeper is not None:
            self._sweeper.cancel()
        connections = list(self._connections.values())
        reason = Unavailable("the service is shutting down")
        await asyncio.gather(*(connection.session.finish(reason) for connection in connections))
        for connection in connections:
            self.leave(connection, reason)

    async def _take(
        self, session_id: str, api_key: str | None, options: SessionOptions | None, is_stream: bool
    ) -> Connection:
        if self._is_draining:
            raise Unavailable("the service is shutting down")
        lock = self._opening.setdefault(session_id, asyncio.Lock())
        async with lock:
            return await self._take_in_turn(session_id, api_key, options, is_stream)

    async def _take_in_turn(
        self, session_id: str, api_key: str | None, options: SessionOptions | None, is_stream: bool
    ) -> Connection:
        owner = owner_of(api_key)
        before = self._connections.get(session_id)
        if before is not None and before.session.owner == owner:
            await before.session.flush()
        writer = Writer(session_id, secrets.token_hex(8))
        wanted = None if options is None else _stored(options)
        opened = await self._asked(self._store.open(writer, owner, wanted), session_id)
        stored = self._read(opened.options)
        if not opened.is_taken:
            raise _opened_otherwise(stored, options)
        if before is not None:
            self.leave(before, Fenced("the session was opened by another connection"))
        kept = StoredSession(writer, owner, opened.options)
        session = LiveSession(self._services(stored), kept, stored, opened.next_index)
        if opened.next_index > 0:
            async with self._restoring:
                frames = await self._asked(self._store.frames(session_id), session_id)
                await session.restore(frames)
        connection = Connection(session, is_stream)
        self._connections[session_id] = connection
        return connection

    def _resolved(self, options: SessionOptions) -> SessionOptions:
        """The options with the model's own name, so that they mean the same on every replica."""
        asked = options.model
        if options.lookahead_frames and "model" not in options.model_fields_set:
            asked = DEFAULT
        name = self._models.asked_for(asked).card.name
        check_lookahead(name, options.lookahead_frames, self._live_models)
        return options.model_copy(update={"model": name})

    def _services(self, options: SessionOptions) -> SessionServices:
        if options.model not in self._live_models:
            raise NotFound(f"the session's model {options.model!r} is not served here")
        check_lookahead(options.model, options.lookahead_frames, self._live_models)
        return SessionServices(
            self._live_models[options.model],
            self._store,
            self._settings.max_outage_s,
            self._settings.max_gap_s,
        )

    def _read(self, stored: bytes) -> SessionOptions:
        try:
            return SessionOptions.model_validate_json(stored)
        except ValidationError as error:
            raise Unavailable("the session was opened by another version of the service") from error

    async def _asked(self, question: Awaitable[T], session_id: str) -> T:
        try:
            return await question
        except StoreAway:
            raise _away() from None
        except SessionAbsent:
            raise NotFound(f"no session is named {session_id[:100]!r}") from None
        except SessionForeign:
            raise Forbidden("this session belongs to another API key") from None
        except WriterFenced:
            raise Fenced("the session was opened by another connection") from None

    async def _sweep(self) -> None:
        """Let go of sessions that were not used for a while, or that another replica has."""
        while True:
            interval_s = min(_SWEEP_S, self._settings.request_idle_s)
            await asyncio.sleep(interval_s)
            try:
                await self._leave_taken(interval_s)
                await self._leave_idle()
            except Exception:  # whatever it was, there is a next time
                _log.exception("sweeping failed")

    async def _leave_idle(self) -> None:
        for connection in list(self._connections.values()):
            if not self._is_idle(connection) or not await connection.session.flush():
                continue
            if self._is_idle(connection):  # it was not used meanwhile
                self.leave(connection, Unavailable("the session was idle for too long"))

    async def _leave_taken(self, quiet_s: float) -> None:
        """Tell streams that were taken over while they were quiet; others learn it by appending."""
        latest = time.monotonic() - quiet_s
        quiet = {
            connection.session.writer: connection
            for connection in self._connections.values()
            if connection.used_at < latest
        }
        try:
            taken = await self._store.fenced(list(quiet))
        except StoreAway:
            return
        for writer in taken:
            self.leave(quiet[writer], Fenced("the session was opened by another connection"))

    def _is_idle(self, connection: Connection) -> bool:
        limit_s = (
            self._settings.stream_idle_s if connection.is_stream else self._settings.request_idle_s
        )
        return connection.used_at < time.monotonic() - limit_s


def _stored(options: SessionOptions) -> bytes:
    """The options as they are kept: what is not said means the same in later versions."""
    return options.model_dump_json(exclude={"session_id"}, exclude_defaults=True).encode()


def check_lookahead(name: str, frames: int, models: Mapping[str, LiveModel]) -> None:
    """Refuse a model that cannot lift live frames with so many after them.

    Raises:
        InvalidInput: naming what it can, or which models can.
    """
    model = models.get(name)
    longest = model.longest_lookahead if model is not None else 0
    if model is None or not (model.card.architecture.causal or frames):
        at_once = ", ".join(each for each, m in models.items() if m.card.architecture.causal)
        later = f", or lookahead_frames from 1 to {longest}" if longest else ""
        raise InvalidInput.at("model", f"a causal model ({at_once or 'none'}){later}, found {name}")
    if frames > longest:
        expected = f"1 to {longest}" if longest else "0: it sees only the past"
        raise InvalidInput.at("lookahead_frames", f"for {name} {expected}, found {frames}")


def owner_of(api_key: str | None) -> str:
    """Whom a session belongs to, without telling the key."""
    return "" if api_key is None else hashlib.sha256(api_key.encode()).hexdigest()[:32]


def _opened_otherwise(stored: SessionOptions, options: SessionOptions | None) -> InvalidInput:
    for name in SessionOptions.model_fields:
        before, now = getattr(stored, name), getattr(options, name, None)
        if name != "session_id" and before != now:
            said = f"{before!r}, with which the session was opened, found {now!r}"
            return InvalidInput.at(name, said)
    return InvalidInput.at("body", "the options with which the session was opened")


def _away() -> Unavailable:
    return Unavailable("the session store is away; sessions cannot be opened or resumed now")
