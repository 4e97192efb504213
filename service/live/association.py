"""Telling people apart from frame to frame by where they are, for detectors that do not track.

Each person of a frame goes on as the track whose joints, moved on as they moved last, are nearest
in mean distance; the nearest pairs are made first. Whoever is farther from every track than half
the track's size is somebody new.
"""

import numpy as np
from numpy.typing import NDArray

from service.live.frames import Frame, Person
from service.live.record import RecordedFrame
from service.live.stepping import UNKNOWN, SteppedFrame
from service.pose.formats import convert
from service.pose.missing import Memory

Floats = NDArray[np.float32]

_FARTHEST = 0.5
"""In sizes of the track: farther is somebody else."""
_SMOOTHING = 0.5
"""The weight of the newest movement in a track's velocity."""


class _Followed:
    """Where a track's joints were last, and how they move."""

    def __init__(self, keypoints_J2: Floats, seen_J: NDArray[np.bool_]) -> None:
        self.keypoints_J2 = keypoints_J2
        self.seen_J = seen_J
        self.velocity_2 = np.zeros(2, np.float32)

    def move(self, keypoints_J2: Floats, seen_J: NDArray[np.bool_]) -> None:
        """Take the next frame in."""
        both = self.seen_J & seen_J
        if both.any():
            moved = (keypoints_J2 - self.keypoints_J2)[both].mean(axis=0)
            self.velocity_2 = self.velocity_2 + _SMOOTHING * (moved - self.velocity_2)
        self.keypoints_J2, self.seen_J = keypoints_J2, seen_J

    def distance(self, keypoints_J3: Floats, min_score: float) -> float:
        """Mean distance of the joints from where they are expected, in sizes of this person."""
        both = self.seen_J & (keypoints_J3[:, 2] > max(min_score, 0))
        if not both.any():
            return np.inf
        expected = (self.keypoints_J2 + self.velocity_2)[both]
        away = np.linalg.norm(keypoints_J3[both, :2] - expected, axis=1).mean()
        size = np.linalg.norm(np.ptp(self.keypoints_J2[self.seen_J], axis=0))
        return float(away / max(size, 1e-6))


class Associator:
    """Gives the people of one session's frames track ids of their own making."""

    def __init__(self, source: str, target: str, min_score: float) -> None:
        self._source = source
        self._target = target
        self._min_score = min_score
        self._followed: dict[str, _Followed] = {}

    def identify(self, frame: Frame) -> list[Person]:
        """The frame's people with track ids; those given by the caller are not looked at."""
        people = [person.keypoints_J3 for person in frame.people]
        found = self._pairs(people)
        new = (f"{frame.index}-{number}" for number in range(len(people)))
        return [Person(found.get(i) or next(new), person) for i, person in enumerate(people)]

    def remember(self, track_ids: tuple[str, ...], stepped: SteppedFrame) -> None:
        """Take in where everyone was found."""
        memory = stepped.memory
        known = stepped.quality_P != UNKNOWN
        self._followed = {
            track_id: self._moved(track_id, memory, place)
            for place, track_id in enumerate(track_ids)
            if known[place]
        }

    def restore(self, frame: RecordedFrame) -> None:
        """Go on from a frame of the store; nobody's movement is known."""
        self._followed = {
            track_id: self._moved(track_id, frame.memory, place)
            for place, track_id in enumerate(frame.track_ids)
            if frame.quality_P[place] != UNKNOWN
        }

    def _moved(self, track_id: str, memory: Memory, place: int) -> _Followed:
        now = memory.keypoints_BJ2[place], memory.seen_BJ[place]
        followed = self._followed.get(track_id)
        if followed is None:
            return _Followed(*now)
        followed.move(*now)
        return followed

    def _pairs(self, people: list[Floats]) -> dict[int, str]:
        """For people that go on as a track, which one."""
        if not people:
            return {}
        converted = convert(np.stack(people), self._source, self._target)
        distances = sorted(
            (followed.distance(keypoints_J3, self._min_score), i, track_id)
            for i, keypoints_J3 in enumerate(converted)
            for track_id, followed in self._followed.items()
        )
        found: dict[int, str] = {}
        for distance, i, track_id in distances:
            if distance <= _FARTHEST and i not in found and track_id not in found.values():
                found[i] = track_id
        return found
