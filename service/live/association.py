"""Association of people between frames by where they are, for detectors that do not track.

Each person of a frame goes on as the track whose joints, moved on as they moved last, are nearest
in mean distance; the nearest pairs are made first. A person farther from every track than half
the track's size begins a new one.
"""

import numpy as np
from numpy.typing import NDArray

from poselift.formats import convert
from poselift.imputation import ImputationState, Quality
from service.live.frames import Frame, Person
from service.live.records import RecordedFrame

Floats = NDArray[np.float32]

_FARTHEST = 0.5
"""In sizes of the track: farther is somebody else."""
_SMOOTHING = 0.5
"""The weight of the newest movement in a track's velocity."""


class _Motion:
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

    @property
    def size(self) -> float:
        """The diagonal of the box around the joints seen."""
        return max(float(np.linalg.norm(np.ptp(self.keypoints_J2[self.seen_J], axis=0))), 1e-6)


class Associator:
    """Gives the people of one session's frames track ids of their own making."""

    def __init__(self, source: str, target: str, min_score: float) -> None:
        self._source = source
        self._target = target
        self._min_score = min_score
        self._tracks: dict[str, _Motion] = {}

    def identify(self, frame: Frame) -> list[Person]:
        """The frame's people with track ids; those given by the caller are not looked at."""
        people = [person.keypoints_J3 for person in frame.people]
        found = self._pairs(people)
        new = (f"{frame.index}-{number}" for number in range(len(people)))
        return [Person(found.get(i) or next(new), person) for i, person in enumerate(people)]

    def remember(self, recorded: RecordedFrame) -> None:
        """Take in where everyone was found, in a frame just stepped or one from the store."""
        self._tracks = {
            track_id: self._moved(track_id, recorded.state, person)
            for person, track_id in enumerate(recorded.track_ids)
            if recorded.quality_P[person] != Quality.UNKNOWN
        }

    def _moved(self, track_id: str, state: ImputationState, person: int) -> _Motion:
        now = state.keypoints_BJ2[person], state.seen_BJ[person]
        motion = self._tracks.get(track_id)
        if motion is None:
            return _Motion(*now)
        motion.move(*now)
        return motion

    def _pairs(self, people: list[Floats]) -> dict[int, str]:
        """For people that go on as a track, which one."""
        if not people or not self._tracks:
            return {}
        converted = convert(np.stack(people), self._source, self._target)
        names = list(self._tracks)
        distances_PF = self._distances(converted)
        near = np.argwhere(distances_PF <= _FARTHEST)
        order = np.argsort(distances_PF[tuple(near.T)], kind="stable")
        found: dict[int, str] = {}
        taken: set[int] = set()
        for i, track in near[order].tolist():
            if i not in found and track not in taken:
                found[i] = names[track]
                taken.add(track)
        return found

    def _distances(self, people_PJ3: Floats) -> Floats:
        """Mean distances (P, F) of joints from where each track is expected, in its sizes."""
        followed = self._tracks.values()
        seen_FJ = np.stack([each.seen_J for each in followed])
        expected_FJ2 = np.stack([each.keypoints_J2 + each.velocity_2 for each in followed])
        sizes_F = np.array([each.size for each in followed])
        measured_PJ = people_PJ3[..., 2] > max(self._min_score, 0)
        both_PFJ = measured_PJ[:, None] & seen_FJ
        away_PFJ = np.linalg.norm(people_PJ3[:, None, :, :2] - expected_FJ2, axis=-1)
        shared_PF = both_PFJ.sum(axis=-1)
        mean_PF = np.where(both_PFJ, away_PFJ, 0).sum(axis=-1) / np.maximum(shared_PF, 1)
        distances: Floats = np.where(shared_PF > 0, mean_PF / sizes_F, np.inf)
        return distances
