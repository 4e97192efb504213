"""Imputation of missing keypoints: which are missing, and what stands in for them.

A joint is missing when its score is 0 or below ``min_score``. Symmetric models see it interpolated
in time, causal ones at its last place; both as seen from the body, with which it moves along. A
joint not measured yet is placed from those that are. A frame with nothing measured is filled
likewise up to a longest gap; then frames are unknown, and the next measured one starts afresh with
nothing remembered. Times are counted in ticks: in frames, where these are evenly spaced.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from poselift.array_types import Floats, Mask, Qualities
from poselift.body_motion import middle_step
from poselift.reference_pose import REFERENCE_POSE

MIN_SCORE: Final = 0.05
"""A joint scored below this is missing, unless a caller asks for something else."""
MAX_GAP_S: Final = 0.25
"""The longest gap with nothing measured that is filled, unless an operator sets another."""


class Quality(IntEnum):
    """What a frame's pose rests on."""

    MEASURED = 0
    """All joints were measured that the keypoint format has."""
    FILLED = 1
    """Some or all joints were filled."""
    UNKNOWN = 2
    """Too long a gap: there is no pose."""


class JointQuality(IntEnum):
    """What a joint of a frame rests on."""

    MEASURED = 0
    FILLED = 1
    """Not measured in this frame."""
    REJECTED = 2
    """Measured where it cannot be: an outlier."""
    NEVER_SEEN = 3
    """Not measured since the last unknown frame, or, in clips, until the next; and all joints of
    unknown frames that are not measured themselves."""


JOINT_QUALITY = "mfrn"
"""The letters of joint qualities by code, as messages have them."""
_LETTERS: Final = bytes.maketrans(bytes(range(len(JOINT_QUALITY))), JOINT_QUALITY.encode())


def letters(joint_quality_TC: Qualities) -> list[str]:
    """For each frame the letters of its joints' qualities."""
    frames, joints = joint_quality_TC.shape
    written = joint_quality_TC.tobytes().translate(_LETTERS).decode()
    return [written[frame * joints : (frame + 1) * joints] for frame in range(frames)]


QUALITY = tuple(quality.name.lower() for quality in Quality)
"""The names of qualities by code, as messages have them."""

UNKNOWN: Final = np.uint8(Quality.UNKNOWN)
"""For comparing with arrays, which takes six times as long with a member of an enumeration."""
_NEVER: Final = np.array(-(2**40))
_LONG_AGO: Final = 2**30
"""No gap is longer, in ticks; before anything was measured it is as long as this."""
_CELLS = 200_000
"""Frames times joints that are interpolated at a time."""
_UPRIGHT = 0.02
"""The pull towards an upright figure, in squared shares of the stature: a whole body's joints
are spread by 0.14 across and 1 down, shoulders alone by 0.02 across."""


class Filled(NamedTuple):
    """Keypoints of a clip without gaps."""

    keypoints_TJ2: Floats
    """Pixels; zero where the quality is unknown."""
    quality_T: NDArray[np.uint8]
    """Codes of ``Quality``."""
    seen_TJ: Mask
    """Which joints have been measured: at any time between unknown frames, or so far if causal."""


@dataclass(frozen=True)
class ImputationState:
    """What causal imputation remembers of each of B tracks: all that a stream needs to go on."""

    keypoints_BJ2: Floats
    """Where each joint was at last, measured or moved along with the body since."""
    seen_BJ: Mask
    """Which joints have been measured since the track last started."""
    empty_B: NDArray[np.int64]
    """Ticks since anything was measured: frames, where these are evenly spaced."""

    @classmethod
    def blank(cls, tracks: int, joints: int) -> "ImputationState":
        """Before the first frame."""
        return cls(
            np.zeros((tracks, joints, 2), np.float32),
            np.zeros((tracks, joints), np.bool_),
            np.zeros(tracks, np.int64),
        )

    @classmethod
    def joined(cls, states: Sequence["ImputationState"]) -> "ImputationState":
        """Several one after the other."""
        return cls(
            np.concatenate([state.keypoints_BJ2 for state in states]),
            np.concatenate([state.seen_BJ for state in states]),
            np.concatenate([state.empty_B for state in states]),
        )

    def of(self, tracks: NDArray[np.intp] | slice) -> "ImputationState":
        """That of some of the tracks."""
        return ImputationState(
            self.keypoints_BJ2[tracks], self.seen_BJ[tracks], self.empty_B[tracks]
        )

    def put(self, tracks: NDArray[np.intp], other: "ImputationState") -> None:
        """Replace that of some of the tracks, in place."""
        self.keypoints_BJ2[tracks] = other.keypoints_BJ2
        self.seen_BJ[tracks] = other.seen_BJ
        self.empty_B[tracks] = other.empty_B

    def filled(self, joints: tuple[str, ...]) -> Floats:
        """The keypoints (B, J, 2) that the last frame was filled to; the inverse of remembering."""
        filled = self.keypoints_BJ2.copy()
        _place_unseen(filled, self.seen_BJ, joints)
        return filled


@dataclass(frozen=True)
class Imputation:
    """How missing keypoints are filled.

    Attributes:
        joints: the names of the joints.
        usable_J: which of them the keypoints can have; the others are always filled, and a frame
            without them counts as measured.
        max_gap: how many ticks may pass with nothing measured.
    """

    joints: tuple[str, ...]
    usable_J: Mask
    max_gap: int

    def fill(
        self, keypoints_TJ2: Floats, measured_TJ: Mask, elapsed_T: NDArray[np.int64], causal: bool
    ) -> Filled:
        """Fill a whole clip.

        Args:
            keypoints_TJ2: pixels.
            measured_TJ: which joints are measured.
            elapsed_T: ticks since the frame before.
            causal: hold instead of interpolating, so that a frame depends on no later one.
        """
        if measured_TJ.all():
            return _nothing_to_fill(keypoints_TJ2, measured_TJ)
        if causal:
            state = ImputationState.blank(1, keypoints_TJ2.shape[1])
            filled, _ = self.fill_next(
                keypoints_TJ2[None], measured_TJ[None], elapsed_T[None], state
            )
            return Filled(*(values[0] for values in filled))
        empty_T = _since_measured(measured_TJ, np.cumsum(elapsed_T), _NEVER)
        quality_T = self._quality(measured_TJ, empty_T)
        filled_TJ2, seen_TJ = _interpolate(keypoints_TJ2, measured_TJ, quality_T == Quality.UNKNOWN)
        _place_unseen(filled_TJ2, seen_TJ, self.joints)
        return Filled(filled_TJ2, quality_T, seen_TJ)

    def fill_next(
        self,
        keypoints_BTJ2: Floats,
        measured_BTJ: Mask,
        elapsed_BT: NDArray[np.int64],
        state: ImputationState,
    ) -> tuple[Filled, ImputationState]:
        """Fill the next T ≥ 1 frames of B tracks; causal clips and streams come through here.

        Args:
            keypoints_BTJ2: pixels.
            measured_BTJ: which joints are measured.
            elapsed_BT: ticks since the frame before.
            state: what is remembered of the frames before.

        Returns:
            what ``fill`` gives, of each track, and the state after the frames.
        """
        if measured_BTJ.all():
            state = ImputationState(
                keypoints_BTJ2[:, -1].copy(),
                measured_BTJ[:, -1],
                np.zeros(len(keypoints_BTJ2), np.int64),
            )
            return _nothing_to_fill(keypoints_BTJ2, measured_BTJ), state
        has_begun_B1 = np.any(state.seen_BJ, axis=1, keepdims=True)
        before_B = np.where(has_begun_B1[:, 0], -state.empty_B, _NEVER)
        empty_BT = _since_measured(measured_BTJ, np.cumsum(elapsed_BT, axis=1), before_B)
        quality_BT = self._quality(measured_BTJ, empty_BT)
        seen = _known_since(
            measured_BTJ, state.seen_BJ & has_begun_B1, quality_BT == Quality.UNKNOWN
        )
        places = _carry(keypoints_BTJ2, measured_BTJ, seen, state)
        filled = places.copy()
        flat = (-1, *filled.shape[2:])
        _place_unseen(filled.reshape(flat), seen.reshape(-1, seen.shape[2]), self.joints)
        after = ImputationState(places[:, -1], seen[:, -1], empty_BT[:, -1])
        return Filled(filled, quality_BT, seen), after

    def fill_between(self, state: ImputationState, measured_TJ: Mask) -> Floats:
        """Fill consecutive frames of a track as a symmetric model sees them: interpolated in time.

        Args:
            state: what causal filling remembered after each of the T frames, none of them unknown.
            measured_TJ: which joints were measured in each.

        Returns:
            Keypoints (T, J, 2).
        """
        known = measured_TJ.copy()
        known[0] |= state.seen_BJ[0]  # what lies before the first frame here is held
        if known.all():
            return state.keypoints_BJ2.copy()
        nowhere = np.zeros(len(known), np.bool_)
        filled, seen_TJ = _interpolate(state.keypoints_BJ2, known, nowhere)
        _place_unseen(filled, seen_TJ, self.joints)
        return filled

    def _quality(self, measured: Mask, empty: NDArray[np.int64]) -> NDArray[np.uint8]:
        is_complete = (measured | ~self.usable_J).all(axis=-1)
        quality = np.where(is_complete, Quality.MEASURED, Quality.FILLED)
        return np.where(empty > self.max_gap, Quality.UNKNOWN, quality).astype(np.uint8)


def gap_ticks(max_gap_s: float, ticks_per_s: float) -> int:
    """How many ticks fit into the longest gap that is filled, which never begins a clip."""
    return int(min(max_gap_s * ticks_per_s + 1e-6, _LONG_AGO - 1))


def _known_since(measured_BTJ: Mask, before_BJ: Mask, unknown_BT: Mask) -> Mask:
    """Which joints (B, T, J) have been measured so far, or before; unknown frames end that."""
    # Row 0 is what was before, so that "the last row in which it was measured" covers both.
    known = np.concatenate([before_BJ[:, None], measured_BTJ], axis=1)
    rows = np.arange(known.shape[1])
    latest = np.maximum.accumulate(np.where(known, rows[:, None], -1), axis=1)
    fresh = np.maximum.accumulate(np.where(unknown_BT, rows[1:] + 1, 0), axis=1)
    known_BTJ: Mask = latest[:, 1:] >= fresh[..., None]
    return known_BTJ


def _carry(
    places_BTJ2: Floats, measured_BTJ: Mask, seen_BTJ: Mask, state: ImputationState
) -> Floats:
    """Where joints are: measured, or moved along with the body from where they were.

    The body moves from frame to frame as the middle one of its joints does, along x and y each, of
    those that are measured and were known before. So one that is wrong moves nothing.
    """
    places = np.where(measured_BTJ[..., None], places_BTJ2, 0)
    carried_BTJ = seen_BTJ & ~measured_BTJ
    for frame in np.flatnonzero(carried_BTJ.any(axis=(0, 2))):
        before = places[:, frame - 1] if frame else state.keypoints_BJ2
        known_before = seen_BTJ[:, frame - 1] if frame else state.seen_BJ
        moved = middle_step(places[:, frame] - before, known_before & measured_BTJ[:, frame])
        carried = carried_BTJ[:, frame, :, None]
        places[:, frame] = np.where(carried, before + moved[:, None], places[:, frame])
    return places


def _nothing_to_fill(places: Floats, measured: Mask) -> Filled:
    """What all the rest comes to for frames (…, J, 2) with all joints, as most are."""
    return Filled(places.copy(), np.zeros(measured.shape[:-1], np.uint8), measured.copy())


def measured_joints(keypoints: Floats, min_score: float) -> Mask:
    """Which joints (…, J) of keypoints (…, J, 3) were measured."""
    scores = keypoints[..., 2]
    return (scores > 0) & (scores >= np.float32(min_score))


def _since_measured(
    measured: Mask, ticks: NDArray[np.int64], before: NDArray[np.int64]
) -> NDArray[np.int64]:
    """For each frame (…, T) of (…, T, J), how many ticks ago something was measured.

    ``ticks`` (…, T) are the frames' times; ``before`` (…) is the last one at which something was
    measured before them, ``_NEVER`` if none was, and the counts are huge then.
    """
    latest = np.where(measured.any(axis=-1), ticks, before[..., None])
    return np.minimum(ticks - np.maximum.accumulate(latest, axis=-1), _LONG_AGO)


def known_segments(quality_T: NDArray[np.uint8]) -> tuple[slice, ...]:
    """The runs of frames between unknown ones."""
    is_unknown_T = quality_T == UNKNOWN
    if len(quality_T) and not is_unknown_T.any():
        return (slice(0, len(quality_T)),)
    known = np.concatenate([[False], ~is_unknown_T, [False]])
    edges = np.flatnonzero(np.diff(known)).tolist()
    return tuple(slice(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True))


def _interpolate(keypoints_TJ2: Floats, measured_TJ: Mask, unknown_T: Mask) -> tuple[Floats, Mask]:
    """Draw straight lines in time between measured places, and hold the first and the last.

    Places are those in the moving body: a person who walks takes along what is not seen. Nothing
    crosses an unknown frame. Also returns where a joint has a place (T, J): where it is measured at
    any time between the same unknown frames.
    """
    body_T2 = _body_path(keypoints_TJ2, measured_TJ, unknown_T)
    return _straight_lines(keypoints_TJ2, measured_TJ, unknown_T, body_T2)


def _body_path(keypoints_TJ2: Floats, measured_TJ: Mask, unknown_T: Mask) -> NDArray[np.float64]:
    """Where the body is (T, 2), compared with the first frame: it steps as its middle joint does.

    The middle one of those that are measured in a frame and in the one before it; if none is, of
    those that are measured before and after both, as if they went straight.
    """
    steps_EJ2 = np.diff(keypoints_TJ2.astype(np.float64), axis=0)
    chosen_EJ = measured_TJ[1:] & measured_TJ[:-1]
    blind = np.flatnonzero(~chosen_EJ.any(axis=1))
    if len(blind):
        still_T2 = np.zeros((len(keypoints_TJ2), 2))
        places, _ = _straight_lines(keypoints_TJ2, measured_TJ, unknown_T, still_T2)
        before, after = _neighbours(measured_TJ, unknown_T)
        passed = (before >= 0) & (after >= 0)
        steps_EJ2[blind] = places[blind + 1].astype(np.float64) - places[blind]
        chosen_EJ[blind] = passed[blind + 1] & passed[blind]
    middle_E2 = middle_step(steps_EJ2, chosen_EJ)
    return np.concatenate([np.zeros((1, 2)), np.cumsum(middle_E2, axis=0)])


def _straight_lines(
    keypoints_TJ2: Floats, measured_TJ: Mask, unknown_T: Mask, body_T2: NDArray[np.float64]
) -> tuple[Floats, Mask]:
    """What `_interpolate` does, for a body whose path is known."""
    filled = keypoints_TJ2.copy()
    seen_TJ = measured_TJ.copy()
    lacking = np.flatnonzero(~measured_TJ.all(axis=0))
    together = max(1, _CELLS // len(measured_TJ))
    for some in range(0, len(lacking), together):
        joints = lacking[some : some + together]
        gaps, columns = np.nonzero(~measured_TJ[:, joints])
        before, after = _neighbours(measured_TJ[:, joints], unknown_T)
        before, after, joints = before[gaps, columns], after[gaps, columns], joints[columns]
        first, last = np.where(before < 0, after, before), np.where(after < 0, before, after)
        seen_TJ[gaps, joints] = first >= 0
        share = np.where(last > first, (gaps - first) / np.maximum(last - first, 1), 0)
        start = keypoints_TJ2[first, joints] - body_T2[first]
        end = keypoints_TJ2[last, joints] - body_T2[last]
        between = body_T2[gaps] + start + share[:, None] * (end - start)
        with np.errstate(over="ignore"):  # pixels near the largest float32 are refused later on
            filled[gaps, joints] = np.where(first[:, None] >= 0, between, 0)
    return filled, seen_TJ


def _neighbours(measured_TJ: Mask, unknown_T: Mask) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The nearest frames before and after each (T, J) in which a joint was measured.

    -1 where there is none on this side of an unknown frame.
    """
    count = len(measured_TJ)
    frames, unknown_T1 = np.arange(count)[:, None], unknown_T[:, None]
    before = np.maximum.accumulate(np.where(measured_TJ, frames, -1))
    fresh = np.maximum.accumulate(np.where(unknown_T1, frames, -1))
    after = np.minimum.accumulate(np.where(measured_TJ, frames, count)[::-1])[::-1]
    ends = np.minimum.accumulate(np.where(unknown_T1, frames, count)[::-1])[::-1]
    return np.where(before > fresh, before, -1), np.where(after < ends, after, -1)


def _place_unseen(keypoints_TJ2: Floats, seen_TJ: Mask, joints: tuple[str, ...]) -> None:
    """Place joints never seen so far by those that were, in place; frames with none seen stay.

    A standing figure is fitted to the seen joints; each unseen joint keeps the figure's offset
    from the nearest seen one. Every frame is worked out by itself, in sums that do not depend on
    how many frames there are, so that clips and streams agree to the last bit.
    """
    lacking = np.flatnonzero(~seen_TJ.all(axis=1) & seen_TJ.any(axis=1))
    if len(lacking) == 0:
        return
    figure_J2 = np.array([REFERENCE_POSE.get(joint, (0.0, 0.0)) for joint in joints])
    seen = seen_TJ[lacking]
    places = keypoints_TJ2[lacking].astype(np.float64)
    stretch = _fit_figure(places, seen, figure_J2)
    for joint in np.flatnonzero(~seen.all(axis=0)):
        frames = np.flatnonzero(~seen[:, joint])
        offsets_J2 = figure_J2[joint] - figure_J2
        nearby = np.argsort(np.hypot(*offsets_J2.T), kind="stable")
        nearest = nearby[seen[np.ix_(frames, nearby)].argmax(axis=1)]
        moved = (stretch[frames] * offsets_J2[nearest, None, :]).sum(axis=2)
        places[frames, joint] = places[frames, nearest] + moved
    with np.errstate(over="ignore"):  # pixels near the largest float32 are refused later on
        keypoints_TJ2[lacking] = places.astype(np.float32)


def _fit_figure(
    places_TJ2: NDArray[np.float64], seen_TJ: Mask, figure_J2: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The matrices (T, 2, 2) that turn and stretch a figure to fit the seen joints best.

    Least squares, drawn a little to a figure as large as the person that stands upright and
    shows no width, for whether a person is seen from the front or the back cannot be known
    beforehand. Seen joints that tell little are so kept from turning the whole body over.
    """
    x, y = (_about_mean(places_TJ2[..., axis], seen_TJ) for axis in range(2))
    across, down = (_about_mean(figure_J2[:, axis], seen_TJ) for axis in range(2))
    extent = (across**2 + down**2).sum(axis=1)
    size = np.sqrt((x**2 + y**2).sum(axis=1) / np.where(extent > 0, extent, np.inf))
    aa = (across**2).sum(axis=1) + _UPRIGHT
    dd = (down**2).sum(axis=1) + _UPRIGHT
    ad = (across * down).sum(axis=1)
    rows = []
    for axis, expected in ((x, 0.0), (y, size)):
        a = (axis * across).sum(axis=1)
        d = (axis * down).sum(axis=1) + _UPRIGHT * expected
        rows.append(np.stack([a * dd - d * ad, d * aa - a * ad], axis=1))
    fitted: NDArray[np.float64] = np.stack(rows, axis=1) / (aa * dd - ad**2)[:, None, None]
    return fitted


def _about_mean(values: NDArray[np.float64], seen_TJ: Mask) -> NDArray[np.float64]:
    """Differences (T, J) from the mean over the seen joints; zero for the others."""
    count = seen_TJ.sum(axis=1, keepdims=True)
    mean = np.where(seen_TJ, values, 0).sum(axis=1, keepdims=True) / count
    return np.where(seen_TJ, values - mean, 0)
