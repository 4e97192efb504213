"""Human3.6M as the paper's authors prepare it: ``data_3d_h36m.npz`` and ``data_2d_h36m_*.npz``."""

import re
from collections.abc import Sequence
from pathlib import Path

from poselift.errors import InvalidInput
from training.data.datasets.laboratory import Laboratory, LabSequence
from training.data.datasets.recordings import RecordingSet
from training.data.datasets.tree import Floats, Tree

ORIGIN = "Human3.6M (Ionescu et al., 2014), whose licence is for academic use."
FPS = 50.0
HELD_OUT = ("S9", "S11")
KEPT = (0, 1, 2, 3, 6, 7, 8, 12, 13, 14, 15, 17, 18, 19, 25, 26, 27)
"""Which of the 32 joints of Human3.6M are our 17; the others are doubles, hands and toes."""

_NUMBER = re.compile(r" \d+$")


def read_h36m(
    positions: Path, keypoints: Path, cameras: Path, held_out: Sequence[str] = HELD_OUT
) -> tuple[RecordingSet, list[str]]:
    """All videos as one set, and what was left out.

    Subjects who are only in the keypoints are kept, their poses unknown. A sequence that is missing
    from the positions of a subject who is in them is left out: the authors leave out a bad one.
    """
    laboratory = Laboratory.opened(positions, keypoints, cameras, "h36m17")
    labelled, others = laboratory.sequences(), laboratory.others()
    known = {subject for subject, _ in labelled}
    if not set(held_out) & known:
        expected = f"some of {', '.join(sorted(known))}, found {', '.join(held_out)}"
        raise InvalidInput.at("held-out subjects", expected)
    videos = [
        video
        for subject, name in labelled + [other for other in others if other[0] not in known]
        for video in laboratory.videos(
            LabSequence(subject, name, _NUMBER.sub("", name), subject in held_out),
            [subject],
            _joints(laboratory.positions[subject][name]) if subject in known else None,
        )
    ]
    left_out = [f"{subject}/{name}: no positions" for subject, name in others if subject in known]
    return laboratory.collect(videos, FPS, ORIGIN), left_out


def _joints(world: Tree) -> Floats:
    """World positions (T, 17, 3) in metres, of all 32 joints or of these already."""
    found = world.finite(("frames", 32, 3), ("frames", 17, 3))
    return found[:, KEPT] if found.shape[1] == 32 else found
