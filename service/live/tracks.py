"""The state of all live tracks of one model, in preallocated arrays with a slot for each."""

from collections import deque
from collections.abc import Sequence

import numpy as np

from poselift.array_types import Slots
from poselift.codec import TrackMemory
from poselift.runtime.rings import Rings, RingShape
from service.shares import NO_PARTY, Party, Places, Pool


class Track:
    """One person in one session of a party, as far as a model is concerned."""

    __slots__ = ("is_released", "party", "slot")

    def __init__(self, party: str) -> None:
        self.party = party
        self.slot: int | None = None
        self.is_released = False


class Tracks:
    """Hands out slots, and holds what each track remembers: filled keypoints and rings.

    ``begin`` and ``end`` are called by the event loop, the rest by the one thread that steps. A
    slot that the loop gives back may still be in a batch; so it is only marked, and the thread
    takes it back when no batch runs.
    """

    def __init__(
        self,
        rings: Sequence[RingShape],
        joints: int,
        capacity: int,
        places: Places | None = None,
    ) -> None:
        self.rings = Rings(rings, capacity)
        self._memory = TrackMemory.blank(capacity, joints)
        self._blank = TrackMemory.blank(1, joints)
        self._room = Pool("people", capacity, places)
        self._free = list(range(capacity - 1, -1, -1))
        self._ended: deque[Track] = deque()

    @property
    def begun(self) -> int:
        """How many tracks have begun and not ended."""
        return int(self._room.taken_here)

    def begin(self, party: Party = NO_PARTY) -> Track:
        """Room for a track.

        Raises:
            Overloaded: there is none for this party.
        """
        self._room.take(party.name, quota=party.quotas.live_people)
        return Track(party.name)

    def is_modest(self, party: str) -> bool:
        """Whether a party with one more person had few of all there are."""
        return self._room.is_modest(party, 1)

    def end(self, track: Track) -> None:
        """Give a track's room back; may be called again."""
        if not track.is_released:
            track.is_released = True
            self._room.give_back(track.party)
            self._ended.append(track)

    def reclaim(self) -> None:
        """Take back the slots of tracks that have ended; no batch may be running."""
        while self._ended:
            slot = self._ended.popleft().slot
            if slot is not None:
                self._free.append(slot)

    def slots(self, tracks: Sequence[Track]) -> Slots:
        """The slots of tracks that have not ended, assigned where they have none yet."""
        return np.fromiter(map(self._slot, tracks), np.intp, len(tracks))

    def memory(self, slots: Slots) -> TrackMemory:
        """What is remembered of these tracks: a copy."""
        return self._memory.of(slots)

    def remember(self, slots: Slots, memory: TrackMemory) -> None:
        """Replace what is remembered of these tracks."""
        self._memory.put(slots, memory)

    def _slot(self, track: Track) -> int:
        if track.slot is None:
            slot = self._free.pop()
            self._memory.put(np.array([slot]), self._blank)
            track.slot = slot
        return track.slot
