"""The latest frames of one session, in memory and in the store: appended, caught up, fenced.

========  ===========================  ==========================================  ========
the log   event                        what happens                                becomes
========  ===========================  ==========================================  ========
durable   append                       the store has the frame                     durable
durable   the store is away            the frame stays in memory                   away
durable   the store lost the session   all frames in memory are written again      durable
away      append, the store is back    all frames in memory are written again      durable
away      append, the store is away    the frame stays in memory                   away
away      away for ``max_outage_s``    ``Unavailable``: the session ends here      —
any       another writer has come      ``Fenced``: the session ends here           —
========  ===========================  ==========================================  ========
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
    SessionAbsent,
    SessionRecord,
    SessionStore,
    StoreAway,
    Writer,
    WriterFenced,
)
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
        self._joints = joints
        self._max_outage_s = max_outage_s
        self._recent: deque[tuple[int, bytes]] = deque(maxlen=frames_kept)
        self._away_since: float | None = None

    @property
    def is_durable(self) -> bool:
        """Whether the store has every frame."""
        return self._away_since is None

    def restore(self, stored: Sequence[tuple[int, bytes]]) -> None:
        """Begin with the frames that the store has."""
        self._recent.extend(stored)

    async def recorded(self) -> list[RecordedFrame]:
        """The frames there are, oldest first; takes some milliseconds, in a thread.

        Raises:
            Unavailable: another version of the service wrote them.
        """
        return await asyncio.to_thread(self._recorded)

    async def append(self, index: int, record: bytes) -> None:
        """Keep the record of the next frame, in the store if it is not away.

        Raises:
            Fenced: another writer has come.
            Unavailable: the store has been away for too long.
        """
        self._recent.append((index, record))
        try:
            if self._away_since is None:
                await self._append_or_replace(index, record)
            else:
                await self._catch_up()
        except StoreAway:
            self._away_since = self._away_since or time.monotonic()
            away_s = time.monotonic() - self._away_since
            if away_s > self._max_outage_s:
                raise Unavailable(f"the session store has been away for {away_s:.0f} s") from None
        except WriterFenced:
            raise Fenced("the session was opened by another connection") from None

    async def flush(self) -> bool:
        """Bring the store up to date if it can be; whether it is."""
        if self._away_since is None or not self._recent:
            return True
        try:
            await self._catch_up()
        except (StoreAway, WriterFenced):
            return False
        return True

    def clear(self) -> None:
        """Free the memory."""
        self._recent.clear()

    def _recorded(self) -> list[RecordedFrame]:
        try:
            return [records.decode(index, kept, self._joints) for index, kept in self._recent]
        except (ValueError, struct.error, IndexError) as error:
            raise Unavailable("the session was kept by another version of the service") from error

    async def _append_or_replace(self, index: int, record: bytes) -> None:
        try:
            await self._store.append(self.session.writer, index, record)
        except SessionAbsent:
            # The store was restarted empty, or forgot a session that was silent for long.
            self._away_since = time.monotonic()
            await self._catch_up()

    async def _catch_up(self) -> None:
        session = self.session
        next_index = self._recent[-1][0] + 1
        kept = SessionRecord(next_index, session.options, session.owner, list(self._recent))
        await self._store.replace(session.writer, kept)
        self._away_since = None
