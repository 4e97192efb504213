"""Missing keypoints: which they are, and what stands in for them.

A joint is missing when its score is 0 or below ``min_score``. Symmetric models see it interpolated
in time, causal ones held at its last value. A joint not measured yet is placed from those that
are. A frame with nothing measured is filled likewise up to ``max_gap_frames``; then frames are
unknown, and the next measured one starts afresh with nothing remembered.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.pose.formats import KeypointFormat
from service.pose.standing import STANDING

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]

QUALITY = ("measured", "filled", "unknown")
"""A frame's quality by its code: all joints measured; some or all filled; no pose."""
_MEASURED, _FILLED, _UNKNOWN = range(3)


@dataclass(frozen=True)
class Filled:
    """Keypoints of a clip without gaps."""

    keypoints_TJ2: Floats
    """Pixels; zero where the quality is unknown."""
    quality_T: NDArray[np.uint8]
    """Indices into ``QUALITY``."""
    segments: tuple[slice, ...]
    """The runs between unknown frames, each to be lifted by itself."""


@dataclass(frozen=True)
class Memory:
    """What causal filling remembers of a track, all that a stream needs to go on."""

    keypoints_J2: Floats
    """The last measured place of each joint."""
    seen_J: Mask
    """Which joints have been measured since the track last started."""
    empty_frames: int
    """Frames since anything was measured."""

    @classmethod
    def blank(cls, joints: int) -> "Memory":
        """Before the first frame."""
        return cls(np.zeros((joints, 2), np.float32), np.zeros(joints, np.bool_), 0)


def fill(
    keypoints_TJ3: Floats,
    causal: bool,
    min_score: float,
    max_gap_frames: int,
    format: KeypointFormat,  # noqa: A002
) -> Filled:
    """Fill a whole clip.

    Args:
        keypoints_TJ3: pixels and score, in the model's input layout.
        causal: hold instead of interpolating, so that a frame depends on no later one.
        min_score: joints scored lower are missing.
        max_gap_frames: how many frames in a row may have nothing measured.
        format: the layout.
    """
    if causal:
        memory = Memory.blank(keypoints_TJ3.shape[1])
        filled, quality, _ = fill_causal(keypoints_TJ3, memory, min_score, max_gap_frames, format)
        return Filled(filled, quality, _segments(quality))
    measured_TJ = _measured(keypoints_TJ3, min_score)
    quality = _quality(measured_TJ, _empty_frames(measured_TJ, None), max_gap_frames)
    segments = _segments(quality)
    filled = np.zeros_like(keypoints_TJ3[..., :2])
    for segment in segments:
        filled[segment] = _interpolate(
            keypoints_TJ3[segment, :, :2], measured_TJ[segment], format.joints
        )
    return Filled(filled, quality, segments)


def fill_causal(
    keypoints_TJ3: Floats,
    memory: Memory,
    min_score: float,
    max_gap_frames: int,
    format: KeypointFormat,  # noqa: A002
) -> tuple[Floats, NDArray[np.uint8], Memory]:
    """Fill the next frames of a track, however many; clips and streams both come through here.

    Returns:
        Keypoints (T, J, 2), the quality of each frame, and the memory for the frames after.
    """
    measured_TJ = _measured(keypoints_TJ3, min_score)
    before = memory.empty_frames if memory.seen_J.any() else None
    empty_T = _empty_frames(measured_TJ, before)
    quality_T = _quality(measured_TJ, empty_T, max_gap_frames)

    # Row 0 is the memory, so that "the last row in which it was measured" covers both.
    places = np.concatenate([memory.keypoints_J2[None], keypoints_TJ3[..., :2]])
    known = np.concatenate([memory.seen_J[None], measured_TJ])
    unknown = np.concatenate([[not memory.seen_J.any()], quality_T == _UNKNOWN])
    rows = np.arange(len(places))
    latest = np.maximum.accumulate(np.where(known, rows[:, None], -1), axis=0)
    fresh = np.maximum.accumulate(np.where(unknown, rows + 1, 0))
    seen = latest >= fresh[:, None]
    held = np.take_along_axis(places, np.maximum(latest, 0)[..., None], axis=0)
    held[~seen] = 0

    after = Memory(held[-1], seen[-1], int(empty_T[-1]) if len(empty_T) else memory.empty_frames)
    filled = held[1:].copy()
    _place_unseen(filled, seen[1:], format.joints)
    return filled, quality_T, after


def _measured(keypoints_TJ3: Floats, min_score: float) -> Mask:
    scores = keypoints_TJ3[..., 2]
    return (scores > 0) & (scores >= np.float32(min_score))


def _empty_frames(measured_TJ: Mask, before: int | None) -> NDArray[np.int64]:
    """For each frame, how many frames ago something was measured; huge if never.

    ``before`` is the count as the first frame begins, None if nothing has been measured so far.
    """
    frames = np.arange(len(measured_TJ))
    never = -(2**40)
    start = never if before is None else -1 - before
    latest = np.maximum.accumulate(np.where(measured_TJ.any(axis=1), frames, start))
    return np.minimum(frames - latest, 2**30)


def _quality(
    measured_TJ: Mask, empty_T: NDArray[np.int64], max_gap_frames: int
) -> NDArray[np.uint8]:
    quality = np.where(measured_TJ.all(axis=1), _MEASURED, _FILLED)
    return np.where(empty_T > max_gap_frames, _UNKNOWN, quality).astype(np.uint8)


def _segments(quality_T: NDArray[np.uint8]) -> tuple[slice, ...]:
    known = np.concatenate([[False], quality_T != _UNKNOWN, [False]])
    edges = np.flatnonzero(np.diff(known)).tolist()
    return tuple(slice(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True))


def _interpolate(keypoints_TJ2: Floats, measured_TJ: Mask, joints: tuple[str, ...]) -> Floats:
    filled = keypoints_TJ2.copy()
    frames = np.arange(len(filled))
    for joint in np.flatnonzero(~measured_TJ.all(axis=0)):
        there = np.flatnonzero(measured_TJ[:, joint])
        if len(there):
            for axis in range(2):
                filled[:, joint, axis] = np.interp(frames, there, keypoints_TJ2[there, joint, axis])
    seen_J = measured_TJ.any(axis=0)
    _place_unseen(filled, np.broadcast_to(seen_J, measured_TJ.shape), joints)
    return filled


def _place_unseen(keypoints_TJ2: Floats, seen_TJ: Mask, joints: tuple[str, ...]) -> None:
    """Place joints never seen so far by those that were, in place; frames with none seen stay."""
    lacking = np.flatnonzero(~seen_TJ.all(axis=1) & seen_TJ.any(axis=1))
    if len(lacking) == 0:
        return
    patterns, which = np.unique(seen_TJ[lacking], axis=0, return_inverse=True)
    for number, seen_J in enumerate(patterns):
        frames = lacking[which == number]
        keypoints_TJ2[frames] = _fit_standing(keypoints_TJ2[frames], seen_J, joints)


def _fit_standing(keypoints_TJ2: Floats, seen_J: Mask, joints: tuple[str, ...]) -> Floats:
    """Lay a standing figure over the seen joints and read the others off it.

    The figure is turned and scaled to fit in the least-squares sense (as complex numbers, one
    factor does both), then each unseen joint keeps its offset from the nearest seen one.
    """
    figure = np.array([complex(*STANDING.get(joint, (0.0, 0.0))) for joint in joints])
    people = keypoints_TJ2[..., 0] + 1j * keypoints_TJ2[..., 1].astype(np.float64)
    seen, unseen = np.flatnonzero(seen_J), np.flatnonzero(~seen_J)
    centred = figure[seen] - figure[seen].mean()
    power = float((np.abs(centred) ** 2).sum())
    factor = people[:, seen] @ centred.conj() / power if power > 0 else np.zeros(len(people))
    nearest = seen[np.abs(figure[unseen, None] - figure[seen]).argmin(axis=1)]
    people[:, unseen] = people[:, nearest] + factor[:, None] * (figure[unseen] - figure[nearest])
    with np.errstate(over="ignore"):  # pixels near the largest float32 are refused later on
        return np.stack([people.real, people.imag], axis=-1).astype(np.float32)
