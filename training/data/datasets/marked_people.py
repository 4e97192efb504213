"""From the optical markers of one subject's clips to our points, and how far joints were moved."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from poselift.errors import InvalidInput
from training.array_types import Doubles
from training.data.datasets.body import POINTS, stacked, with_skull
from training.data.datasets.constant_bones import Lengths, median_lengths, with_lengths
from training.data.datasets.joint_centres import Centres, MarkedBody, centres, measured
from training.data.datasets.kinematics import Motion
from training.data.datasets.markers import Markers, joined, runs, without_gaps
from training.data.datasets.preparation import Clip, failing, given

MEASURED = ("hip", "knee", "foot", "shoulder", "elbow", "wrist")
"""Joints of both sides that have a measured centre."""


@dataclass(frozen=True)
class Fitted:
    """A clip of our points, NaN in frames that lack markers, and residuals in metres."""

    motion: Motion
    residuals: dict[str, Doubles]
    """By joint, both sides: from the measured centre to the one with constant bones."""


def fitted(clips: Sequence[Markers]) -> list[Fitted]:
    """All clips of one subject, with one skeleton of constant bone lengths."""
    if not clips:
        return []
    whole = [without_gaps(clip) for clip in clips]
    body = measured(joined(whole))
    found = [centres(clip, body) for clip in whole]
    names = found[0].at
    lengths = median_lengths({name: np.concatenate([f.at[name] for f in found]) for name in names})
    pairs = zip(whole, found, strict=True)
    return [_fitted(each, lengths, body, clip.fps) for clip, each in pairs]


def _fitted(found: Centres, lengths: Lengths, body: MarkedBody, fps: float) -> Fitted:
    at = with_lengths(found.at, lengths)
    residuals = {
        joint: np.concatenate(
            [
                np.linalg.norm(at[f"{side}_{joint}"] - found.at[f"{side}_{joint}"], axis=-1)
                for side in ("left", "right")
            ]
        )
        for joint in MEASURED
    }
    for middle, joint in (("hip", "hip"), ("thorax", "shoulder")):
        at[middle] = (at[f"left_{joint}"] + at[f"right_{joint}"]) / 2
    points = stacked(with_skull(at, found.skull_T3, found.head_TJ33, body.size))
    return Fitted(Motion(POINTS, points, None, fps), residuals)


def whole_runs(clip: Clip, motion: Motion) -> Iterator[Clip]:
    """A clip in the pieces that have all the markers they need, and what is between them."""
    whole = np.asarray(np.isfinite(motion.positions_TJ3).all(axis=(1, 2)))
    for number, run in enumerate(runs(whole), start=1):
        name = clip.name if number == 1 else f"{clip.name}.{number}"
        part = replace(motion, positions_TJ3=motion.positions_TJ3[run])
        yield replace(clip, name=name, read=given(part))
    for run in runs(~whole):
        frames = f"frames {run.start} to {run.stop - 1}"
        error = InvalidInput.at(clip.name, f"markers, which are missing in {frames}")
        # Of clips of one name, one is kept: without its own, this would not be reported.
        yield replace(clip, name=f"{clip.name}, {frames}", read=failing(error))


def residual_table(fits: Sequence[Fitted]) -> Iterator[str]:
    """A line for each joint: median and 95th percentile in millimetres."""
    for joint in MEASURED:
        found = np.concatenate([fit.residuals[joint] for fit in fits]) * 1000
        middle, high = np.nanpercentile(found, [50, 95])
        yield f"{joint}: moved by {middle:.1f} mm, by {high:.1f} mm in 5% of frames"
