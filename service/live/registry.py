"""The live sessions of this replica: opened, resumed, taken over, swept and drained."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import ExitStack, suppress
from functools import partial
from typing import TypeVar
from weakref import WeakValueDictionary

from pydantic import ValidationError

from poselift.card import Card
from poselift.errors import InvalidInput, PoseliftError
from poselift.shipped_models import DEFAULT
from service.live.frame_log import FrameLog, StoredSession, unbroken
from service.live.live_model import LiveModel
from service.live.session import LiveSession, LiveSettings
from service.live.store import (
    LifeEnded,
    SessionAbsent,
    SessionForeign,
    SessionStore,
    Standing,
    WriterFenced,
)
from service.live.store_connection import StoreAway
from service.logs import in_session
from service.metrics import SessionEvent
from service.request_errors import Fenced, Forbidden, NotFound, Overloaded, Unavailable
from service.requests import SessionOptions
from service.served_models import ModelSet
from service.shares import NO_PARTY, Party, Places, Pool
from service.siblings import new_session_id
from service.turns import Turns

_log = logging.getLogger(__name__)

T = TypeVar("T")

_SWEEP_S = 5.0
_WATCH_S = 0.25
"""How often the store is asked whether it has lost anything."""
_LAST_WRITES_S = 5.0
"""How long draining waits for a store that is away to take what it does not have."""
_NOTICE_S = 1.0
"""How long draining waits for streams to tell their clients."""
_RESTORED_AT_ONCE = 4
"""Sessions that come from elsewhere, one of each party, so that those here hardly notice."""
_LATE_RETRY_S = 2.0


class LiveSessions:
    """Everything live on this replica."""

    def __init__(
        self,
        models: ModelSet,
        live_models: Mapping[str, LiveModel],
        store: SessionStore,
        settings: LiveSettings,
        count: Callable[[SessionEvent], None] = lambda _: None,
        places: Places | None = None,
        new_id: Callable[[], str] = new_session_id,
    ) -> None:
        self._models = models
        self._count = count
        self._new_id = new_id
        self._live_models = live_models
        self._store = store
        self._settings = settings
        self._sessions: dict[str, LiveSession] = {}
        # A lock lives as long as something waits for it.
        self._opening: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._room = Pool("sessions", settings.max_sessions, places)
        self._restoring = Turns(_RESTORED_AT_ONCE, 1)
        self._is_draining = False
        self._tasks: list[asyncio.Task[None]] = []
        self._finishing: dict[LiveSession, asyncio.Task[None]] = {}

    @property
    def count(self) -> int:
        """How many sessions are live here."""
        return len(self._sessions)

    @property
    def is_store_here(self) -> bool:
        """Whether sessions can be opened and resumed."""
        return self._store.is_here

    def doubt(self) -> str | None:
        """What does not work fully, for ``/readyz``: clips are lifted all the same."""
        if self._store.trouble is not None:
            return f"the session store {self._store.trouble}"
        is_late = self.lateness > self._settings.max_lateness
        return "live frames are late: no more sessions are opened" if is_late else None

    @property
    def lateness(self) -> float:
        """The time that live frames take as a part of the time between them."""
        return max(model.lateness.share for model in self._live_models.values())

    def start(self) -> None:
        """Begin to sweep and to watch the store, on the current event loop."""
        self._tasks += map(asyncio.create_task, (self._sweep(), self._watch()))

    async def open(
        self,
        options: SessionOptions,
        owner: str,
        is_stream: bool = True,
        party: Party = NO_PARTY,
    ) -> LiveSession:
        """Open a session: a new one, or one that is taken over from its present connection.

        ``owner`` is the caller's name; a session that is no stream's is used by single requests.
        ``party`` is whom it shares this replica as.

        Raises:
            InvalidInput: the model is not causal, or the session was opened otherwise.
            Forbidden: the session is another API key's.
            Overloaded: there is no room for it or its people, or live frames are late.
            Unavailable: the store is away, or the service drains.
        """
        session_id = options.session_id or self._new_id()
        in_session(session_id)
        resolved = self._resolved(options)
        take = self._counted(partial(self._take, session_id, owner, resolved, is_stream, party))
        return await (self._settled(session_id, owner, take) if options.session_id else take(b""))

    async def continued(self, session_id: str, owner: str, party: Party = NO_PARTY) -> LiveSession:
        """A session that exists, for a single request; a stream that has it loses it.

        Raises:
            NotFound: there is no such session.
            Forbidden, Overloaded, Unavailable: as for ``open``.
        """
        session = self._sessions.get(session_id)
        if session is not None and not session.is_stream:
            if session.owner != owner:
                raise Forbidden("this session belongs to another API key")
            with suppress(Fenced):  # requests come to any replica, and another may go on with it
                await session.flush()
                if not session.has_ended:
                    session.used_at = time.monotonic()
                    return session
        take = self._counted(partial(self._take, session_id, owner, None, False, party))
        return await self._settled(session_id, owner, take)

    async def look(self, session_id: str, owner: str) -> tuple[SessionOptions, Card, int]:
        """How a session was opened, its model and the index it expects next; it is not taken over.

        Raises:
            NotFound: there is no such session.
            Forbidden: it is another API key's.
            Unavailable: the store is away.
        """
        return await self._settled(session_id, owner, partial(self._look, session_id, owner))

    async def delete(self, session_id: str, owner: str) -> None:
        """Forget a session; raises what ``continued`` does."""
        open_it = partial(self._store.open, session_id, owner, None)
        opened = await self._settled(session_id, owner, open_it)
        if opened.writer is not None:
            await self._asked(self._store.close(opened.writer), session_id)
        session = self._sessions.get(session_id)
        if session is not None:
            self.leave(session, Fenced("the session was deleted"))

    async def close(self, session: LiveSession) -> None:
        """End a stream's session for good, as its client asked; its keypoints are forgotten."""
        try:
            await self._store.close(session.writer)
        except (StoreAway, WriterFenced):
            _log.info("a session that was closed stays in the store until it expires")
        self._release(session)

    def leave(self, session: LiveSession, reason: PoseliftError | None = None) -> None:
        """Free what this replica holds of a session; it can be resumed until it expires.

        Its frames are kept until the store has them all, if it is to go on from there.
        """
        is_held = self._sessions.get(session.id) is session
        self._release(session, reason)
        if is_held and not isinstance(reason, Fenced) and not self._is_draining:
            self._finishing[session] = asyncio.create_task(self._finish(session))

    def leave_others(self, owners: Collection[str]) -> None:
        """End the sessions here of all but these: their keys were withdrawn."""
        for session in list(self._sessions.values()):
            if session.owner not in owners:
                self.leave(session, Forbidden("this API key was withdrawn"))

    async def drain(self) -> None:
        """Let all sessions go, each to be resumed elsewhere at its next index.

        Returns once streams have told their clients, or some do not read: what ends connections
        next would close them before the notice.
        """
        self._is_draining = True
        for task in self._tasks:
            task.cancel()
        # What they ask the store ends with them, not once its connections have been closed. Before
        # Python 3.12 ``wait_for`` may lose a cancellation: so they look for the draining too.
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_LAST_WRITES_S)
        sessions = list(self._sessions.values())
        reason = Unavailable("the service is shutting down")
        finishing = [session.finish(reason, _LAST_WRITES_S) for session in sessions]
        await asyncio.gather(*finishing, self._let_finish(_LAST_WRITES_S))
        for session in sessions:
            self.leave(session, reason)
        with suppress(TimeoutError):
            async with asyncio.timeout(_NOTICE_S):
                await asyncio.gather(*(session.unattended.wait() for session in sessions))

    def _release(self, session: LiveSession, reason: PoseliftError | None = None) -> None:
        session.place.close()
        if self._sessions.get(session.id) is session:
            del self._sessions[session.id]
            if isinstance(reason, Fenced):
                self._count("fenced")
        if reason is None:  # the client left by itself, or has been told
            session.unattended.set()
            session.end(Unavailable("the connection was closed"))
        else:
            session.end(reason, notify=True)

    async def _finish(self, session: LiveSession) -> None:
        """See that the store has all frames of a session that was left."""
        try:
            gone = Unavailable("the connection was closed")
            await session.finish(gone, self._settings.max_outage_s)
        finally:
            del self._finishing[session]

    async def _let_finish(self, longest_s: float) -> None:
        if tasks := set(self._finishing.values()):
            _, late = await asyncio.wait(tasks, timeout=longest_s)
            for task in late:
                task.cancel()

    async def _settled(
        self, session_id: str, owner: str, ask: Callable[[bytes], Awaitable[T]]
    ) -> T:
        """Ask for a session once the store has what is known of it, here and on other replicas.

        ``ask`` is told in which life of the store that is so, and asked again in the next one if
        that life has ended by then.
        """
        while True:
            life = await self._asked(self._store.settled(), session_id)
            await self._flush_held(session_id, owner)
            with suppress(LifeEnded):
                return await self._asked(ask(life), session_id)

    async def _flush_held(self, session_id: str, owner: str) -> None:
        held = [self._sessions.get(session_id)]
        held += [session for session in self._finishing if session.id == session_id]
        for session in held:
            if session is not None and session.owner == owner:
                with suppress(Fenced):
                    await session.flush()

    async def _look(
        self, session_id: str, owner: str, life: bytes
    ) -> tuple[SessionOptions, Card, int]:
        stored = await self._store.look(session_id, owner, life)
        options = self._read(stored.options)
        frames = await self._store.frames(session_id)
        model = self._model_of(options)
        there = unbroken(frames, stored.next_index, model.frames_kept)
        next_index = there[-1].index + 1 if there else 0
        if next_index != stored.next_index:
            await self._store.check_life(life)
        return options, model.card, next_index

    def _counted(
        self, take: Callable[[bytes], Awaitable[LiveSession]]
    ) -> Callable[[bytes], Awaitable[LiveSession]]:
        """The same, counted as opened, resumed or refused."""

        async def counted(life: bytes) -> LiveSession:
            try:
                session = await take(life)
            except PoseliftError:
                self._count("refused")
                raise
            self._count("resumed" if session.next_index else "opened")
            return session

        return counted

    async def _take(
        self,
        session_id: str,
        owner: str,
        options: SessionOptions | None,
        is_stream: bool,
        party: Party,
        life: bytes,
    ) -> LiveSession:
        if self._is_draining:
            raise Unavailable("the service is shutting down")
        lock = self._opening.setdefault(session_id, asyncio.Lock())
        async with lock:
            if session_id not in self._sessions:
                self._refuse_late(party)
            wanted = None if options is None else _stored(options)
            opening = self._store.open(session_id, owner, wanted, life)
            opened = await self._asked(opening, session_id)
            stored = self._read(opened.options)
            if opened.writer is None:
                raise _opened_otherwise(stored, options)
            before = self._sessions.get(session_id)
            if before is not None:
                self.leave(before, Fenced("the session was opened by another connection"))
            kept = StoredSession(opened.writer, owner, opened.options)
            session = self._new(kept, stored, is_stream, party)
            held = self._room.holding(party.name, quota=party.quotas.live_sessions)
            with ExitStack() as place:
                place.enter_context(held)
                if opened.next_index > 0:
                    async with self._restoring.turn(party.name):
                        await self._asked(session.restore(opened.next_index, life), session_id)
                session.place = place.pop_all()
            session.used_at = time.monotonic()
            self._sessions[session_id] = session
            return session

    def _refuse_late(self, party: Party) -> None:
        """Refuse one more session where there is none left, or frames are late.

        A party that has few people for all there are still gets in: its frames have their turn. So
        does one that is new where another's are late.
        """
        self._room.check(party.name, quota=party.quotas.live_sessions)
        for model in self._live_models.values():
            is_late = model.lateness.share_for(party.name) > self._settings.max_lateness
            if is_late and not model.steps.tracks.is_modest(party.name):
                said = "live frames are late here, and more sessions would make them later"
                raise Overloaded(said, _LATE_RETRY_S, reason="late")

    def _new(
        self, kept: StoredSession, options: SessionOptions, is_stream: bool, party: Party
    ) -> LiveSession:
        check_lookahead(options.model, options.lookahead_frames, self._live_models)
        model, settings = self._model_of(options), self._settings
        joints = len(model.card.input.joints)
        log = FrameLog(self._store, kept, model.frames_kept, joints, settings.max_outage_s)
        return LiveSession(model, log, options, settings.max_gap_s, is_stream, party)

    def _model_of(self, options: SessionOptions) -> LiveModel:
        if options.model not in self._live_models:
            raise NotFound(f"the session's model {options.model!r} is not served here")
        return self._live_models[options.model]

    def _resolved(self, options: SessionOptions) -> SessionOptions:
        """The options with the model's own name, so that they mean the same on every replica."""
        asked = options.model
        if options.lookahead_frames and "model" not in options.model_fields_set:
            asked = DEFAULT
        name = self._models.asked_for(asked).card.name
        check_lookahead(name, options.lookahead_frames, self._live_models)
        return options.model_copy(update={"model": name})

    def _read(self, stored: bytes) -> SessionOptions:
        try:
            return SessionOptions.model_validate_json(stored)
        except ValidationError as error:
            raise Unavailable("the session was opened by another version of the service") from error

    async def _asked(self, question: Awaitable[T], session_id: str) -> T:
        try:
            return await question
        except StoreAway:
            raise Unavailable(
                "the session store is away; sessions cannot be opened or resumed now"
            ) from None
        except SessionAbsent:
            raise NotFound(f"no session is named {session_id[:100]!r}") from None
        except SessionForeign:
            raise Forbidden("this session belongs to another API key") from None
        except WriterFenced:
            raise Fenced("the session was opened by another connection") from None

    async def _sweep(self) -> None:
        """Let go of sessions that were not used for a while, or that another replica has."""
        while not self._is_draining:
            interval_s = min(_SWEEP_S, self._settings.request_idle_s)
            await asyncio.sleep(interval_s)
            try:
                await self._look_after_quiet(interval_s)
                await self._leave_idle()
            except Exception:  # whatever it was, there is a next time
                _log.exception("sweeping failed")

    async def _leave_idle(self) -> None:
        for session in list(self._sessions.values()):
            if not self._is_idle(session) or not await self._written(session):
                continue
            if self._is_idle(session):  # it was not used meanwhile
                self.leave(session, Unavailable("the session was idle for too long"))

    async def _look_after_quiet(self, quiet_s: float) -> None:
        """Learn what others learn by appending: who was taken over, and what the store has lost."""
        latest = time.monotonic() - quiet_s
        quiet = [each for each in self._sessions.values() if each.used_at < latest]
        with suppress(StoreAway):
            places = [(session.writer, session.next_index) for session in quiet]
            standings = await self._store.standings(places)
            for session, standing in zip(quiet, standings, strict=True):
                if standing is not Standing.THERE:
                    await self._written(session)

    async def _watch(self) -> None:
        """Write back what the store has lost or was away for, as soon as it can be."""
        known = b""
        while not self._is_draining:
            await asyncio.sleep(_WATCH_S)
            try:
                life = (await self._store.life()).name
                sessions = list(self._sessions.values())
                in_doubt = [each for each in sessions if life != known or not each.is_written]
                if all(await asyncio.gather(*map(self._written, in_doubt))):
                    known = life
            except StoreAway:
                continue
            except Exception:  # as in sweeping
                _log.exception("watching the session store failed")

    async def _written(self, session: LiveSession) -> bool:
        """Bring the store up to date, or leave the session to another that has it."""
        try:
            return await session.flush()
        except Fenced as reason:
            self.leave(session, reason)
            return True

    def _is_idle(self, session: LiveSession) -> bool:
        settings = self._settings
        limit_s = settings.stream_idle_s if session.is_stream else settings.request_idle_s
        return session.used_at < time.monotonic() - limit_s


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


def _opened_otherwise(stored: SessionOptions, options: SessionOptions | None) -> InvalidInput:
    for name in SessionOptions.model_fields:
        before, now = getattr(stored, name), getattr(options, name, None)
        if name != "session_id" and before != now:
            said = f"{before!r}, with which the session was opened, found {now!r}"
            return InvalidInput.at(name, said)
    return InvalidInput.at("body", "the options with which the session was opened")
