"""HumanEva-I as the paper's authors prepare it: ``data_3d_humaneva15.npz`` and its keypoints.

Its sequences are cut into chunks of frames with valid motion capture; each is a clip of its own.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from training.data.datasets.laboratory import Laboratory, LabSequence, LabVideo
from training.data.datasets.recordings import RecordingSet

ORIGIN = "HumanEva-I (Sigal et al., 2010), whose licence is for research."
FPS = 60.0
PARTS = {"Train": False, "Validate": True}
"""The parts of the data set that have positions, and whether they are held out."""

_NUMBERS = re.compile(r"( \d+)?( chunk\d+)?$")


def read_humaneva(
    positions: Path, keypoints: Path, cameras: Path, actions: Sequence[str] = ("",)
) -> tuple[RecordingSet, list[str]]:
    """The chunks of the actions that begin with one of the names given, and what was left out.

    A person is in both parts, and counts as two subjects: ``Train/S1`` and ``Validate/S1``.
    """
    laboratory = Laboratory.opened(positions, keypoints, cameras, "humaneva15")
    sequences = laboratory.sequences()
    labelled = [sequence for sequence in sequences if _part(sequence[0]) in PARTS]
    wanted = [sequence for sequence in labelled if sequence[1].startswith(tuple(actions))]
    if not wanted:
        expected = f"subjects Train/… or Validate/… and actions {' '.join(actions)} …"
        raise laboratory.positions.wrong(expected)
    videos = [video for sequence in wanted for video in _videos(laboratory, *sequence)]
    others = [sequence for sequence in sequences if sequence not in labelled]
    left_out = [
        *(f"{'/'.join(sequence)}: no positions" for sequence in laboratory.others()),
        *(f"{'/'.join(sequence)}: neither Train nor Validate" for sequence in others),
    ]
    return laboratory.collect(videos, FPS, ORIGIN), left_out


def _part(subject: str) -> str:
    return subject.split("/", maxsplit=1)[0]


def _videos(laboratory: Laboratory, subject: str, name: str) -> list[LabVideo]:
    """The cameras stood alike in all parts, so that they may be given once for a person."""
    sequence = LabSequence(subject, name, _NUMBERS.sub("", name), PARTS[_part(subject)])
    world = laboratory.positions[subject][name].finite(("frames", 15, 3))
    return laboratory.videos(sequence, [subject, subject.rsplit("/", maxsplit=1)[-1]], world)
