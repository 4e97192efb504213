"""Outlier rejection: joints found where they cannot be, and sides that a detector swapped.

A joint is an outlier in space if the bones that end in it are far longer than this person's, and in
time if it jumps farther than people move; it then counts as missing. Arms or legs whose left and
right joints change places from one frame to the next are swapped back.

A frame is judged by what is remembered of the frames before it, so that a stream equals the clip.
What stays where it was rejected, or swapped for long, is believed after a while: a jump alone does
not tell which side of it is wrong.

Distances are in statures: the person's height in the image, estimated from the bones in view.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property, lru_cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from poselift.array_types import Floats, Mask, by_coordinate
from poselift.body_motion import middle_step
from poselift.formats import FORMATS
from poselift.reference_pose import REFERENCE_POSE

Counts = NDArray[np.int64]

SWAP_GROUPS: Final = {
    "arms": ("shoulder", "elbow", "wrist"),
    "legs": ("hip", "knee", "ankle", "foot"),
}
"""Joints whose sides detectors swap together."""

_SPEEDS_PER_S: Final = {"wrist": 6.0, "ankle": 6.0, "foot": 6.0, "elbow": 4.0, "knee": 4.0}
_OTHER_SPEED_PER_S: Final = 2.0
"""How fast joints move within the body at most: faster than any of recorded dance and sport."""
_JITTER: Final = 0.05
"""How far a detector may misplace a joint from one frame to the next."""
_STRETCH: Final = 2.1
"""How many times the length it should have a bone may show; perspective makes near ones long."""
_SHORTEST_BONE: Final = 0.03
"""Bones of the face and the feet are too short to judge by."""
_FEWEST_BONES: Final = 5
"""With fewer in view the stature is not known, and nothing is rejected."""
_STATURE_RANK: Final = 0.7
"""Of the statures that bones speak for, in order: most bones are foreshortened, few too long."""
_MOST_STRAY: Final = 3
"""Joints of a frame that are rejected in space; with more of them the stature is as doubtful."""
_SWAP_DISTANCE: Final = 0.08
"""How far off joints are on average before a swap is certain,"""
_SWAP_FITS: Final = 0.35
"""and the share of that which remains once they are swapped back."""
_TURN_SPEED_PER_S: Final = 1.5
"""How fast sides change places on average when a dancer spins; at a low frame rate that is far."""
_FEWEST_SWAPPED: Final = 4
_MOST_FRAME_BY_FRAME: Final = 10_000
"""In a clip with more frames that follow an outlier, the rest are checked as if nothing was wrong
before them: an outlier that stays is rejected no more, and the work is bounded."""
_CALM: Final = 0.05
"""No joint that moves less than this within the body is an outlier in time, or swapped."""
_LONGEST_JUMP_S: Final = 0.1
"""A joint that stays for so long where it was rejected is there."""
_LONGEST_SWAP_S: Final = 0.5
"""For how long sides are swapped back, before the detector is believed."""
_REMEMBERED_S: Final = 0.5
"""What was measured longer ago tells nothing of where a joint is."""
NEVER: Final = 32_000
"""Ticks since a joint was measured that count as never."""


class CheckedFrames(NamedTuple):
    """Keypoints after the check; (…) are tracks, or the frames of a clip."""

    keypoints: Floats
    """(…, J, 3), swapped back where sides were swapped."""
    accepted: Mask
    """Which joints (…, J) are measured and no outliers."""
    outliers: Mask
    """Which joints (…, J) were rejected."""
    doubted: Counts
    """For how long joints (…, J) have been where they jumped to, from 1."""
    swapped: Mask
    """Which of ``SWAP_GROUPS`` (…, G) were swapped back."""

    @classmethod
    def all_accepted(cls, keypoints: Floats, measured: Mask) -> "CheckedFrames":
        """Frames of which nothing is doubted."""
        nothing = np.zeros(measured.shape, np.bool_)
        swapped = np.zeros((*measured.shape[:-1], len(SWAP_GROUPS)), np.bool_)
        return cls(keypoints, measured, nothing, np.ones(measured.shape, np.int64), swapped)

    def put(self, rows: slice, other: "CheckedFrames") -> None:
        """Replace some rows, in place."""
        for name in self._fields:
            getattr(self, name)[rows] = getattr(other, name)

    def copied(self) -> "CheckedFrames":
        """With arrays of its own."""
        return self._replace(**{name: values.copy() for name, values in self._asdict().items()})


@dataclass(frozen=True)
class MotionMemory:
    """What is remembered of the motion of each of B tracks; times are in ticks of a clock."""

    places_BJ2: Floats
    """Where each joint was accepted last,"""
    age_BJ: Counts
    """and how long ago; ``NEVER`` if not yet, or not for long."""
    suspects_BJ2: Floats
    """Where a joint was rejected in the frame before,"""
    doubted_BJ: Counts
    """and for how long it has been near there, from 1; 0 if it was not rejected."""
    swapped_BG: Counts
    """For how long each of ``SWAP_GROUPS`` has been swapped back, from 1; 0 if it is not."""

    @classmethod
    def blank(cls, tracks: int, joints: int) -> "MotionMemory":
        """Before the first frame."""
        return cls(
            np.zeros((tracks, joints, 2), np.float32),
            np.full((tracks, joints), NEVER, np.int64),
            np.zeros((tracks, joints, 2), np.float32),
            np.zeros((tracks, joints), np.int64),
            np.zeros((tracks, len(SWAP_GROUPS)), np.int64),
        )

    @classmethod
    def begun(cls, places_BJ2: Floats, measured_BJ: Mask) -> "MotionMemory":
        """After a frame of which nothing but where joints were measured is known."""
        return cls(
            places_BJ2.copy(),
            np.where(measured_BJ, 0, NEVER),
            np.zeros_like(places_BJ2),
            np.zeros(measured_BJ.shape, np.int64),
            np.zeros((len(measured_BJ), len(SWAP_GROUPS)), np.int64),
        )

    @classmethod
    def joined(cls, memories: Sequence["MotionMemory"]) -> "MotionMemory":
        """Several one after the other."""
        names = [field.name for field in fields(cls)]
        return cls(*(np.concatenate([getattr(each, name) for each in memories]) for name in names))

    def of(self, tracks: NDArray[np.intp] | slice) -> "MotionMemory":
        """That of some of the tracks."""
        return MotionMemory(
            self.places_BJ2[tracks],
            self.age_BJ[tracks],
            self.suspects_BJ2[tracks],
            self.doubted_BJ[tracks],
            self.swapped_BG[tracks],
        )

    def put(self, tracks: NDArray[np.intp], other: "MotionMemory") -> None:
        """Replace that of some of the tracks, in place."""
        for name, values in vars(self).items():
            values[tracks] = getattr(other, name)

    def later(self, elapsed_B: Counts) -> "MotionMemory":
        """The same after so many ticks."""
        ticks_B1 = elapsed_B[:, None]
        return MotionMemory(
            self.places_BJ2,
            np.minimum(self.age_BJ + ticks_B1, NEVER),
            self.suspects_BJ2,
            np.where(self.doubted_BJ > 0, np.minimum(self.doubted_BJ + ticks_B1, NEVER), 0),
            np.where(self.swapped_BG > 0, np.minimum(self.swapped_BG + ticks_B1, NEVER), 0),
        )

    def after(self, frame: CheckedFrames) -> "MotionMemory":
        """What to remember after a frame."""
        places_BJ2 = frame.keypoints[..., :2]
        return MotionMemory(
            np.where(frame.accepted[..., None], places_BJ2, self.places_BJ2),
            np.where(frame.accepted, 0, self.age_BJ),
            np.where(frame.outliers[..., None], places_BJ2, self.suspects_BJ2),
            np.where(frame.outliers, frame.doubted, 0),
            np.where(frame.swapped, np.maximum(self.swapped_BG, 1), 0),
        )

    def is_fresh(self) -> bool:
        """Whether everything was accepted in the frame before."""
        doubts = self.age_BJ, self.doubted_BJ, self.swapped_BG
        return not any(np.count_nonzero(each) for each in doubts)

    def is_like(self, other: "MotionMemory") -> bool:
        """Whether both lead to the same."""
        known = self.age_BJ < NEVER
        return bool(
            np.array_equal(self.age_BJ, other.age_BJ)
            and np.array_equal(self.doubted_BJ, other.doubted_BJ)
            and np.array_equal(self.swapped_BG, other.swapped_BG)
            and np.array_equal(self.places_BJ2[known], other.places_BJ2[known])
        )


class _Body(NamedTuple):
    """What a format's joints are to the check."""

    ends_E2: NDArray[np.intp]
    """The joints at both ends of each bone."""
    lengths_E: Floats
    """Of bones in the reference pose, in statures."""
    bones_of_JE: Mask
    speeds_J: Floats
    """In statures per second."""
    swaps_GS2: tuple[NDArray[np.intp], ...]
    """Of each of ``SWAP_GROUPS``, its joints and their twins on the other side."""


class _Seen(NamedTuple):
    """A frame of each track, and how it compares with what was expected of it."""

    places: Floats
    stature_B: Floats
    """Pixels; infinite where it is not known."""
    stretch_BE: Floats
    """How many times the length they should have bones show; 0 if not in view."""
    expected_BJ2: Floats
    off_BJ: Floats
    """How far joints are from where they were expected, in statures; 0 if nothing was."""


@dataclass(frozen=True)
class OutlierCheck:
    """Checks keypoints of one format.

    Attributes:
        keypoint_format: a name in ``poselift.formats.FORMATS``.
        ticks_per_s: of the clock that times between frames are counted by: the frame rate where
            frames are evenly spaced.
        accepts_all: nothing is rejected, and no sides are swapped back.
    """

    keypoint_format: str
    ticks_per_s: float
    accepts_all: bool = False

    def check_clip(
        self, keypoints_TJ3: Floats, measured_TJ: Mask, elapsed_T: Counts
    ) -> CheckedFrames:
        """Check all frames of a clip: what ``check_frame`` gives for one after the other.

        Args:
            keypoints_TJ3: pixels and score.
            measured_TJ: which joints are measured.
            elapsed_T: ticks since the frame before, at least 1 each.
        """
        if measured_TJ.all():
            places_2TJ = by_coordinate(keypoints_TJ3[..., :2])
            if self._moves_little(places_2TJ, places_2TJ[:, :-1]):
                return CheckedFrames.all_accepted(keypoints_TJ3, measured_TJ)
        # Where nothing is wrong, a frame's memory is known beforehand: all are checked at once, and
        # those after a wrong one again until the memory is as it was taken to be.
        usual = _if_all_accepted(keypoints_TJ3, measured_TJ, elapsed_T)
        checked = self._judge(keypoints_TJ3, measured_TJ, usual, elapsed_T)
        wrong_T = checked.outliers.any(axis=1) | checked.swapped.any(axis=1)
        if not wrong_T.any():
            return checked
        checked, next_frame, stepped = checked.copied(), 0, 0
        for wrong in np.flatnonzero(wrong_T).tolist():
            if wrong >= next_frame:
                if stepped > _MOST_FRAME_BY_FRAME:
                    # Wrong throughout: what the frames before tell is as doubtful as the frame.
                    return checked
                frames = keypoints_TJ3, measured_TJ, elapsed_T
                next_frame = self._check_on(wrong, checked, frames, usual)
                stepped += next_frame - wrong
        return checked

    def _moves_little(self, places_2BJ: Floats, before_2EJ: Floats) -> bool:
        """Whether complete frames are so calm that every check would pass: quick, and often true.

        ``before_2EJ`` are the places of joints, x and y, in the frame before, of all frames or all
        but the first.
        """
        if not self._accepts_calm:
            return False
        body = _body(self.keypoint_format)
        one, other = body.ends_E2.T
        with np.errstate(all="ignore"):
            dx, dy = places_2BJ.take(one, axis=2) - places_2BJ.take(other, axis=2)
            says_BE = np.sqrt(dx * dx + dy * dy) / body.lengths_E
            rank = max(int(np.ceil(_STATURE_RANK * len(one))) - 1, 0)
            stature_B1 = np.partition(says_BE, rank, axis=1)[:, rank, None]
            steps_2EJ = places_2BJ[:, len(says_BE) - before_2EJ.shape[1] :] - before_2EJ
            middle = steps_2EJ.shape[2] // 2
            steps_2EJ -= np.partition(steps_2EJ, middle, axis=2)[:, :, middle, None]
            x, y = steps_2EJ
            # NaN compares false, so wild numbers are not calm.
            is_calm = np.sqrt(x * x + y * y) <= _CALM * stature_B1[len(says_BE) - len(x) :]
            return bool(is_calm.all() and (says_BE <= _STRETCH * stature_B1).all())

    @cached_property
    def _accepts_calm(self) -> bool:
        """Whether joints that move no more than ``_CALM`` pass every check."""
        body = _body(self.keypoint_format)
        # The upper of the two middle steps of an even number is up to half as far off again.
        reach = _CALM if len(body.speeds_J) % 2 else 1.5 * _CALM
        slowest = float(body.speeds_J.min()) / self.ticks_per_s
        return len(body.lengths_E) >= _FEWEST_BONES and _JITTER + slowest >= reach

    def _check_on(
        self,
        start: int,
        checked: CheckedFrames,
        frames: tuple[Floats, Mask, Counts],
        usual: MotionMemory,
    ) -> int:
        """Check frame by frame, in place, until the memory is as if all had been accepted.

        Returns:
            the first frame that was not checked.
        """
        keypoints_TJ3, measured_TJ, elapsed_T = frames
        memory = usual.of(slice(start, start + 1))
        for frame in range(start, len(keypoints_TJ3)):
            row = slice(frame, frame + 1)
            if frame > start:
                memory = memory.later(elapsed_T[row])
                if memory.is_like(usual.of(row)):
                    return frame
            found = self._judge(keypoints_TJ3[row], measured_TJ[row], memory, elapsed_T[row])
            memory = memory.after(found)
            checked.put(row, found)
        return len(keypoints_TJ3)

    def check_frame(
        self, keypoints_BJ3: Floats, measured_BJ: Mask, elapsed_B: Counts, memory: MotionMemory
    ) -> tuple[CheckedFrames, MotionMemory]:
        """Check the next frame of each of B tracks.

        Args:
            keypoints_BJ3: pixels and score.
            measured_BJ: which joints are measured.
            elapsed_B: ticks since the frame before, at least 1.
            memory: of the frames before.

        Returns:
            the frames, and what to remember after them.
        """
        if measured_BJ.all() and memory.is_fresh():
            places_2BJ = by_coordinate(keypoints_BJ3[..., :2])
            if self._moves_little(places_2BJ, memory.places_BJ2.transpose(2, 0, 1)):
                checked = CheckedFrames.all_accepted(keypoints_BJ3, measured_BJ)
                return checked, MotionMemory.begun(keypoints_BJ3[..., :2], measured_BJ)
        memory = memory.later(elapsed_B)
        checked = self._judge(keypoints_BJ3, measured_BJ, memory, elapsed_B)
        return checked, memory.after(checked)

    def _judge(
        self, keypoints_BJ3: Floats, measured_BJ: Mask, memory: MotionMemory, elapsed_B: Counts
    ) -> CheckedFrames:
        """Check frames by what is remembered at their times."""
        if self.accepts_all:
            return CheckedFrames.all_accepted(keypoints_BJ3, measured_BJ)
        body = _body(self.keypoint_format)
        with np.errstate(all="ignore"):  # pixels and rates near the ends of float32
            seen = self._seen(keypoints_BJ3, measured_BJ, memory, elapsed_B)
            fits = self._fits_swapped(seen, memory, elapsed_B, body)
            swapped = fits & (memory.swapped_BG <= _LONGEST_SWAP_S * self.ticks_per_s)
            if swapped.any():
                keypoints_BJ3, measured_BJ = swap_back(
                    keypoints_BJ3, measured_BJ, swapped, self.keypoint_format
                )
                seen = self._seen(keypoints_BJ3, measured_BJ, memory, elapsed_B)
            reach_J = body.speeds_J / np.float32(self.ticks_per_s)
            jumps = seen.off_BJ > _JITTER + reach_J * memory.age_BJ
            jumps &= ~_joints_of(fits & ~swapped, body)
            near = _JITTER + reach_J * elapsed_B[:, None]
            jumped, doubted = self._doubted(jumps, seen, memory, near)
            outliers = measured_BJ & (jumped | _stray(seen.stretch_BE, body))
        return CheckedFrames(keypoints_BJ3, measured_BJ & ~outliers, outliers, doubted, swapped)

    def _seen(
        self, keypoints: Floats, measured: Mask, memory: MotionMemory, elapsed_B: Counts
    ) -> _Seen:
        """Compare a frame with what is expected: joints where they were, moved with the body."""
        places = keypoints[..., :2]
        stature_B, stretch_BE = _bones(places, measured, _body(self.keypoint_format))
        frames_ago = memory.age_BJ / elapsed_B[:, None].astype(np.float32)
        moved_B2 = middle_step(places - memory.places_BJ2, measured & (frames_ago == 1))
        # A body that moved on for longer than a few frames is not followed blindly.
        frames_on = np.minimum(frames_ago, np.float32(3))[..., None]
        expected = memory.places_BJ2 + moved_B2[:, None] * frames_on
        remembered = memory.age_BJ <= max(_REMEMBERED_S * self.ticks_per_s, 1)
        is_known = measured & ((frames_ago == 1) | remembered)
        off: Floats = np.where(is_known, _norm(places - expected), np.float32(0))
        off /= stature_B[:, None]
        return _Seen(places, stature_B, stretch_BE, expected, off)

    def _fits_swapped(
        self, seen: _Seen, memory: MotionMemory, elapsed_B: Counts, body: _Body
    ) -> Mask:
        """Which groups (B, G) fit what is expected only with their sides swapped.

        Where sides were swapped back in the frame before it is enough that they fit better so: for
        a moment both fit, when limbs pass each other.
        """
        fits = memory.swapped_BG > 0
        turned_B = _JITTER + _TURN_SPEED_PER_S / self.ticks_per_s * elapsed_B
        least_B = np.maximum(_SWAP_DISTANCE, turned_B)
        for group, (joints, twins) in enumerate(body.swaps_GS2):
            off = seen.off_BJ[:, joints]
            if not fits[:, group].any() and not (off > _SWAP_DISTANCE).any():
                continue
            known = (off > 0) & (seen.off_BJ[:, twins] > 0)
            count = known.sum(axis=1)
            distance = _norm(seen.places[:, twins] - seen.expected_BJ2[:, joints])
            swapped_off = np.where(known, distance / seen.stature_B[:, None], 0).sum(axis=1)
            total = np.where(known, off, 0).sum(axis=1)
            is_certain = (total > least_B * count) & (swapped_off < _SWAP_FITS * total)
            is_certain &= count >= _FEWEST_SWAPPED
            fits[:, group] = np.where(fits[:, group], swapped_off < total, is_certain)
        return fits

    def _doubted(
        self, jumps: Mask, seen: _Seen, memory: MotionMemory, near_BJ: Floats
    ) -> tuple[Mask, Counts]:
        """Which jumps are not believed, and for how long joints have been where they are."""
        if not jumps.any() and not memory.doubted_BJ.any():
            return jumps, np.ones_like(memory.doubted_BJ)
        # Most of the body elsewhere is a cut, or another person: no single joints are wrong.
        is_cut = 2 * jumps.sum(axis=1) >= np.maximum((seen.off_BJ > 0).sum(axis=1), 1)
        moved = _norm(seen.places - memory.suspects_BJ2) / seen.stature_B[:, None]
        stays = (memory.doubted_BJ > 0) & (moved <= near_BJ)
        doubted = np.where(stays, memory.doubted_BJ, 1)
        longest = max(round(_LONGEST_JUMP_S * self.ticks_per_s) - 1, 1)
        return jumps & ~is_cut[:, None] & (doubted <= longest), doubted


def swap_back(
    keypoints: Floats, measured: Mask, swapped: Mask, keypoint_format: str
) -> tuple[Floats, Mask]:
    """Keypoints (B, J, 3) and what is measured of them, with sides of groups (B, G) swapped."""
    keypoints, measured = keypoints.copy(), measured.copy()
    for group, (joints, twins) in enumerate(_body(keypoint_format).swaps_GS2):
        rows = np.flatnonzero(swapped[:, group])[:, None]
        keypoints[rows, joints] = keypoints[rows, twins]
        measured[rows, joints] = measured[rows, twins]
    return keypoints, measured


def _joints_of(groups_BG: Mask, body: _Body) -> Mask:
    """The joints (B, J) of some of ``SWAP_GROUPS``."""
    joints_BJ = np.zeros((len(groups_BG), len(body.speeds_J)), np.bool_)
    for group, (joints, _) in enumerate(body.swaps_GS2):
        joints_BJ[:, joints] |= groups_BG[:, group, None]
    return joints_BJ


def _if_all_accepted(keypoints_TJ3: Floats, measured_TJ: Mask, elapsed_T: Counts) -> MotionMemory:
    """What is remembered at each frame of a clip if nothing is ever rejected, a row a frame."""
    frames, joints = measured_TJ.shape
    memory = MotionMemory.blank(frames, joints)
    ticks_T1 = np.cumsum(elapsed_T)[:, None]
    latest = np.maximum.accumulate(np.where(measured_TJ, np.arange(frames)[:, None], -1))[:-1]
    since = np.minimum(ticks_T1[1:] - ticks_T1[latest, 0], NEVER)
    memory.age_BJ[1:] = np.where(latest >= 0, since, NEVER)
    memory.places_BJ2[1:] = keypoints_TJ3[latest, np.arange(joints), :2]
    return memory


@lru_cache(16)
def _body(keypoint_format: str) -> _Body:
    format_ = FORMATS[keypoint_format]
    names = format_.joints
    figure_J2 = np.array([REFERENCE_POSE.get(name, (0.0, 0.0)) for name in names], np.float32)
    ends_E2 = np.array(format_.bones, np.intp)
    lengths_E = _norm(figure_J2[ends_E2[:, 0]] - figure_J2[ends_E2[:, 1]])
    ends_E2, lengths_E = ends_E2[lengths_E > _SHORTEST_BONE], lengths_E[lengths_E > _SHORTEST_BONE]
    bones_of_JE = (ends_E2[None] == np.arange(len(names))[:, None, None]).any(axis=2)
    speeds = [
        next((speed for part, speed in _SPEEDS_PER_S.items() if name.endswith(part)), None)
        for name in names
    ]
    speeds_J = np.array(
        [_OTHER_SPEED_PER_S if speed is None else speed for speed in speeds], np.float32
    )
    return _Body(ends_E2, lengths_E, bones_of_JE, speeds_J, tuple(_swaps(format_.joints)))


def _swaps(names: tuple[str, ...]) -> list[NDArray[np.intp]]:
    """For each of ``SWAP_GROUPS``, its joints and, in the second row, their twins (2, S)."""
    swaps = []
    for parts in SWAP_GROUPS.values():
        left = [names.index(f"left_{part}") for part in parts if f"left_{part}" in names]
        right = [names.index(f"right_{part}") for part in parts if f"left_{part}" in names]
        swaps.append(np.array([left + right, right + left], np.intp))
    return swaps


def _bones(places: Floats, measured: Mask, body: _Body) -> tuple[Floats, Floats]:
    """The stature (B,) in pixels, infinite if not known, and how stretched bones (B, E) are."""
    one, other = body.ends_E2.T
    in_view = measured[:, one] & measured[:, other]
    says_BE = _norm(places[:, one] - places[:, other]) / body.lengths_E
    count = in_view.sum(axis=1)
    ordered = np.sort(np.where(in_view, says_BE, np.float32(np.inf)), axis=1)
    rank = np.maximum(np.ceil(_STATURE_RANK * count).astype(np.intp) - 1, 0)
    stature = ordered[np.arange(len(ordered)), rank]
    is_known = (count >= _FEWEST_BONES) & (stature > 0)
    stature_B: Floats = np.where(is_known, stature, np.float32(np.inf)).astype(np.float32)
    stretch_BE: Floats = np.where(in_view, says_BE, np.float32(0))
    return stature_B, stretch_BE / stature_B[:, None]


def _stray(stretch_BE: Floats, body: _Body) -> Mask:
    """Joints (B, J) all of whose bones are stretched, the worst first, up to some."""
    stray = np.zeros((len(stretch_BE), len(body.bones_of_JE)), np.bool_)
    for row in np.flatnonzero((stretch_BE > _STRETCH).any(axis=1)):
        stretch_E = stretch_BE[row].copy()
        for _ in range(_MOST_STRAY):
            joint = _most_stretched(stretch_E, body)
            if joint is None:
                break
            stray[row, joint] = True
            stretch_E[body.bones_of_JE[joint]] = 0
    return stray


def _most_stretched(stretch_E: Floats, body: _Body) -> int | None:
    """The joint with the most bones of which none is as long as it should be, if there is one."""
    long_J = (body.bones_of_JE & (stretch_E > _STRETCH)).sum(axis=1)
    of_these = (long_J > 0) & (long_J == (body.bones_of_JE & (stretch_E > 0)).sum(axis=1))
    return int(np.where(of_these, long_J, 0).argmax()) if of_these.any() else None


def _norm(vectors: Floats) -> Floats:
    x, y = vectors[..., 0], vectors[..., 1]
    lengths: Floats = np.sqrt(x * x + y * y)
    return lengths
