"""Frames at even distances in time, for formats that know nothing but a frame rate."""

from dataclasses import replace

import numpy as np

from poselift.array_types import Floats, Slots
from poselift.errors import InvalidInput
from poselift.imputation import MAX_GAP_S, UNKNOWN, Quality
from poselift.poses import Poses

_MOST_FRAMES = 200_000
"""To be written for a clip that has fewer: more than an hour at 50 frames a second."""
_USUAL_STEPS = 1.5
"""Of the clip's rate: what is longer than a step between frames, and as long as a gap, is one."""


def evenly_spaced(poses: Poses) -> Poses:
    """Poses at the clip's frame rate, interpolated where it came with timestamps.

    A frame between a known and an unknown one is unknown, and so is one in a gap between frames
    that lifting does not fill: what the person did there is not known.

    Raises:
        InvalidInput: the frame rate is not known, or gaps make the clip far longer than it was.
    """
    fps = poses.known_fps
    if poses.timestamps_s is None or len(poses) < 2:
        return replace(poses, timestamps_s=None)
    times = poses.timestamps_s
    frames = int(np.floor((times[-1] - times[0]) * fps + 1e-6)) + 1
    most = max(_MOST_FRAMES, 2 * len(times))
    if frames > most:
        raise InvalidInput.at(
            "timestamps_s",
            f"at most {most} frames of {fps:.4g} a second from the first to the last for a format "
            f"without times of its own, found {frames}: write the parts of the clip by themselves",
        )
    places = np.interp(times[0] + np.arange(frames) / fps, times, np.arange(len(times)))
    before = np.floor(places + 1e-6).astype(np.intp)
    after = np.minimum(np.where(places - before > 1e-6, before + 1, before), len(times) - 1)
    share = np.clip(places - before, 0, 1).astype(np.float32)
    is_known = (poses.quality[before] != UNKNOWN) & (poses.quality[after] != UNKNOWN)
    is_known &= times[after] - times[before] <= max(MAX_GAP_S, _USUAL_STEPS / fps)
    quality = np.maximum(poses.quality[before], poses.quality[after])
    trajectory = poses.trajectory
    return Poses(
        _between(poses.poses, before, after, share[:, None, None]) * is_known[:, None, None],
        None if trajectory is None else _between(trajectory, before, after, share[:, None]),
        quality=np.where(is_known, quality, np.uint8(Quality.UNKNOWN)),
        first_frame=poses.first_frame,
        fps=fps,
        axes=poses.axes,
        skeleton=poses.skeleton,
    )


def _between(values: Floats, before: Slots, after: Slots, share: Floats) -> Floats:
    result: Floats = values[before] * (1 - share) + values[after] * share
    return result
