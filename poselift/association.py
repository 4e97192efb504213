"""Association of people between frames by where they are, for detectors that do not track.

People and tracks are assigned to each other so that their object keypoint similarities (OKS) are
greatest in all, with each track's joints moved on as they moved last. A person who is like no track
left begins a new one.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import lap
import numpy as np

from poselift.array_types import Doubles, Floats, Mask
from poselift.formats import FORMATS, Conversion
from poselift.imputation import measured_joints

_PARTS: Final = ("nose", "eye", "ear", "shoulder", "elbow", "wrist", "hip", "knee", "ankle")
_SIGMAS: Final = (0.026, 0.025, 0.035, 0.079, 0.072, 0.062, 0.107, 0.087, 0.089)
"""COCO's, by which OKS weighs joints."""
_OTHER_SIGMA: Final = 0.079
_LEAST_SIMILAR: Final = 0.001
"""The OKS under which a person is somebody else."""
_SMOOTHING: Final = 0.5
"""The weight of the newest movement in a track's velocity."""


class _Motion(NamedTuple):
    """Where a track's joints are thought to be, and how they move from frame to frame."""

    keypoints_J2: Doubles
    seen_J: Mask
    velocity_2: Doubles

    @property
    def area(self) -> float:
        """That of a square as large as the box around the joints seen, which may be narrow."""
        return max(float((np.ptp(self.keypoints_J2[self.seen_J], axis=0) ** 2).sum()) / 2, 1e-12)

    def after(self, measured: "_Motion | None") -> "_Motion":
        """The same after a frame, in which it goes on as before if nothing was measured."""
        expected_J2 = self.keypoints_J2 + self.velocity_2
        if measured is None:
            return self._replace(keypoints_J2=expected_J2)
        both_J = self.seen_J & measured.seen_J
        off_2 = both_J @ (measured.keypoints_J2 - expected_J2) / max(both_J.sum(), 1)
        return measured._replace(velocity_2=self.velocity_2 + _SMOOTHING * off_2)


class Associator:
    """Remembers how tracks move, and finds them again among the people of the next frame.

    ``source`` is the keypoint format of people, ``target`` that of what is remembered.
    """

    def __init__(self, source: str, target: str, min_score: float) -> None:
        self._conversion = Conversion(source, target)
        self._min_score = min_score
        sigmas = dict(zip(_PARTS, _SIGMAS, strict=True))
        parts = (joint.rpartition("_")[2] for joint in FORMATS[target].joints)
        self._sigmas_J = np.array([sigmas.get(part, _OTHER_SIGMA) for part in parts])
        self._tracks: dict[str, _Motion] = {}

    @property
    def track_ids(self) -> tuple[str, ...]:
        """The tracks remembered, in the order of the columns of ``allowed_PT``."""
        return tuple(self._tracks)

    def assign(
        self, people: Sequence[Floats] | Floats, allowed_PT: Mask | None = None
    ) -> dict[int, str]:
        """For those of a frame's people (P, J, 3) that go on as a track, which one.

        ``allowed_PT`` says which person may go on as which track; all may if it is left out.
        """
        if not len(people) or not self._tracks:
            return {}
        converted = self._conversion(np.asarray(people, np.float32))
        with np.errstate(all="ignore"):  # callers' wildest numbers are like no track's
            similarities_PT = np.nan_to_num(self._similarities(converted))
        if allowed_PT is not None:
            similarities_PT = np.where(allowed_PT, similarities_PT, 0.0)
        # With a limit to costs, lap takes up to 0.2 s for the most people there may be.
        tracks_P: list[int] = lap.lapjv(1 - similarities_PT, extend_cost=True)[1].tolist()
        names = self.track_ids
        return {
            person: names[track]
            for person, track in enumerate(tracks_P)
            if track >= 0 and similarities_PT[person, track] >= _LEAST_SIMILAR
        }

    def remember(
        self, track_ids: Sequence[str], places_PJ2: Doubles, seen_PJ: Mask, measured_PJ: Mask
    ) -> None:
        """Take in where everyone is after a frame; tracks that are left out are forgotten.

        Args:
            track_ids: the P tracks.
            places_PJ2: where their joints are.
            seen_PJ: which joints were ever measured.
            measured_PJ: which joints were measured in this frame.
        """
        tracks = {}
        for row, track_id in enumerate(track_ids):
            now = _Motion(places_PJ2[row], seen_PJ[row], np.zeros(2))
            before = self._tracks.get(track_id)
            measured = now if measured_PJ[row].any() else None
            tracks[track_id] = before.after(measured) if before else now
        self._tracks = tracks

    def _similarities(self, people_PJ3: Floats) -> Doubles:
        """OKS (P, T) of people with tracks, over joints of both; 0 where they share none."""
        tracks = self._tracks.values()
        expected_TJ2 = np.stack([each.keypoints_J2 + each.velocity_2 for each in tracks])
        areas_T1 = np.array([[each.area] for each in tracks])
        measured_PJ = measured_joints(people_PJ3, self._min_score)
        shared_PTJ = measured_PJ[:, None] & np.stack([each.seen_J for each in tracks])
        squares_PTJ = ((people_PJ3[:, None, :, :2] - expected_TJ2) ** 2).sum(axis=-1)
        # COCO's k is twice its sigma.
        alike_PTJ = np.exp(-squares_PTJ / (2 * areas_T1 * (2 * self._sigmas_J) ** 2))
        sums_PT = np.where(shared_PTJ, alike_PTJ, 0).sum(axis=-1)
        similarities: Doubles = sums_PT / np.maximum(shared_PTJ.sum(axis=-1), 1)
        return similarities
