"""The latest frames of one session, in memory and in the store: appended, written again, fenced.

========  ===========================  ==========================================  ========
the log   event                        what happens                                becomes
========  ===========================  ==========================================  ========
durable   append                       the store has the frame                     durable
durable   the store is away            the frame stays in memory                   away
durable   the record is gone or older  all frames in memory are written again      durable
away      the store is back            all frames in memory are written again      durable
away      append, the store is away    the frame stays in memory                   away
away      away for ``max_outage_s``    ``Unavailable``: the session ends here      —
any       a later writer has come      ``Fenced``: the session ends here           —
========  ===========================  ==========================================  ========

A resumed session goes on from the last frame up to which none is missing in the store.
"""

import asyncio
import struct
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from service.live import records
from service.live.records import RecordedFrame
from service.live.store import (
    RecordBehind,
    SessionRecord,
    SessionStore,
    Standing,
    StoredFrame,
    Writer,
    WriterFenced,
)
from service.live.store_connection import StoreAway
from service.request_errors import Fenced, Unavailable


@dataclass(frozen=True)
class StoredSession:
    """What the store knows of a session, its frames excepted."""

    writer: Writer
    owner: str
    options: bytes


class FrameLog:
    """The latest frames of one session.

    As many frames are kept in memory as in the store, and for ``max_outage_s`` in memory alone.
    """

    def __init__(
        self,
        store: SessionStore,
        session: StoredSession,
        frames_kept: int,
        joints: int,
        max_outage_s: float,
    ) -> None:
        self._store = store
        self.session = session
        self._frames_kept = frames_kept
        self._joints = joints
        self._max_outage_s = max_outage_s
        self._recent: deque[StoredFrame] = deque(maxlen=frames_kept)
        self.next_index = 0
        self._written_at = time.monotonic()
        self._away_since: float | None = None
        self._has_copies = True

    @property
    def is_written(self) -> bool:
        """Whether the store was given every frame."""
        return self._away_since is None

    @property
    def is_durable(self) -> bool:
        """Whether the store has every frame, and as many copies of it as it should."""
        return self.is_written and self._has_copies

    async def restore(self, next_index: int, life: bytes) -> None:
        """Begin with the frames that the store has, up to this index or the first one missing.

        Raises:
            WriterFenced: a later writer has come.
            LifeEnded: frames are missing, and the store is not in this life any more.
            StoreAway: the store does not answer.
        """
        stored = await self._store.frames(self.session.writer.session_id)
        self._recent.extend(unbroken(stored, next_index, self._frames_kept))
        self.next_index = self._recent[-1].index + 1 if self._recent else 0
        if self.next_index != next_index:
            await self._store.check_life(life)
        if self.next_index != next_index or stored[-1].index >= next_index:
            await self._write_all()

    async def recorded(self) -> list[RecordedFrame]:
        """The frames there are, oldest first; takes some milliseconds, in a thread.

        Raises:
            Unavailable: another version of the service wrote them.
        """
        return await asyncio.to_thread(self._recorded)

    async def append(self, index: int, record: bytes) -> None:
        """Keep the record of the next frame, in the store if it is not away.

        Raises:
            Fenced: a later writer has come.
            Unavailable: the store has been away for too long.
        """
        frame = StoredFrame(index, self.next_index, record)
        self._recent.append(frame)
        self.next_index = index + 1
        try:
            if self.is_written:
                await self._append_or_write_all(frame)
            else:
                await self._write_all()
        except StoreAway:
            self._away_since = self._away_since or time.monotonic()
            away_s = time.monotonic() - self._away_since
            if away_s > self._max_outage_s:
                raise Unavailable(f"the session store has been away for {away_s:.0f} s") from None
        except WriterFenced:
            raise Fenced("the session was opened by another connection") from None

    async def flush(self) -> bool:
        """See that the store has all frames, and write them again if not; whether it has.

        Raises:
            Fenced: a later writer has come.
        """
        try:
            if not self.is_written or await self._is_lost():
                await self._write_all()
        except StoreAway:
            return False
        except WriterFenced:
            raise Fenced("the session was opened by another connection") from None
        return True

    def clear(self) -> None:
        """Free the memory."""
        self._recent.clear()

    def _recorded(self) -> list[RecordedFrame]:
        try:
            return [
                records.decode(frame.index, frame.record, self._joints) for frame in self._recent
            ]
        except (ValueError, struct.error, IndexError) as error:
            raise Unavailable("the session was kept by another version of the service") from error

    async def _append_or_write_all(self, frame: StoredFrame) -> None:
        try:
            self._has_copies = await self._store.append(self.session.writer, frame)
            self._written_at = time.monotonic()
        except RecordBehind:
            # The store was restarted from an older copy or empty, or lost a key.
            self._away_since = time.monotonic()
            await self._write_all()

    async def _is_lost(self) -> bool:
        """Whether the store lacks frames that it had; not if it forgot the session in its time."""
        (standing,) = await self._store.standings([(self.session.writer, self.next_index)])
        if standing is Standing.FENCED:
            raise WriterFenced(self.session.writer.session_id)
        is_expired = time.monotonic() >= self._written_at + self._store.expiry_s
        return standing is Standing.BEHIND and not is_expired

    async def _write_all(self) -> None:
        session = self.session
        record = SessionRecord(self.next_index, session.options, session.owner, list(self._recent))
        self._has_copies = await self._store.replace(session.writer, record)
        self._away_since, self._written_at = None, time.monotonic()


def unbroken(stored: Sequence[StoredFrame], next_index: int, kept: int) -> list[StoredFrame]:
    """The frames, of those before an index, from which a session can go on: none is missing.

    They begin with the session, or are as many as it may need.
    """
    run: list[StoredFrame] = []
    for frame in [each for each in stored if each.index < next_index][-kept:]:
        if run and frame.after not in {None, run[-1].index + 1}:
            break
        run.append(frame)
    if not run or len(run) >= kept:
        return run
    first = run[0].index if run[0].after is None else run[0].after
    return run if first == 0 else []
