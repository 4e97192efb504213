"""Files that the paper's authors prepare: ``data_3d_*.npz`` and ``data_2d_*.npz``.

Human3.6M; HumanEva-I, whose sequences are cut into chunks of frames with valid motion capture, each
a clip of its own; and anyone's own videos, of which there are only keypoints.
"""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from poselift.errors import InvalidInput
from training.array_types import Doubles
from training.data.datasets.laboratory import Detections, Laboratory, LabSequence, RigCamera
from training.data.datasets.prepared import Recording, RecordingSet
from training.data.datasets.tree import Tree

H36M_ORIGIN = "Human3.6M (Ionescu et al., 2014), whose licence is for academic use."
HUMANEVA_ORIGIN = "HumanEva-I (Sigal et al., 2010), whose licence is for research."
H36M_FPS, HUMANEVA_FPS = 50.0, 60.0
HELD_OUT = ("S9", "S11")
KEPT = (0, 1, 2, 3, 6, 7, 8, 12, 13, 14, 15, 17, 18, 19, 25, 26, 27)
"""Which of the 32 joints of Human3.6M are our 17; the others are doubles, hands and toes."""
PARTS = {"Train": False, "Validate": True}
"""The parts of HumanEva-I that have positions, and whether they are held out."""

_NUMBER = re.compile(r" \d+$")
_NUMBERS = re.compile(r"( \d+)?( chunk\d+)?$")


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
    return laboratory.collect(videos, H36M_FPS, H36M_ORIGIN), left_out


def _joints(world: Tree) -> Doubles:
    """World positions (T, 17, 3) in metres, of all 32 joints or of these already."""
    found = world.finite(("frames", 32, 3), ("frames", 17, 3))
    return found[:, KEPT] if found.shape[1] == 32 else found


def read_humaneva(
    positions: Path, keypoints: Path, cameras: Path, actions: Sequence[str] = ("",)
) -> tuple[RecordingSet, list[str]]:
    """The chunks of the actions that begin with one of the names given, and what was left out.

    A person is in both parts, and counts as two subjects: ``Train/S1`` and ``Validate/S1``.
    """
    laboratory = Laboratory.opened(positions, keypoints, cameras, "humaneva15")
    sequences = laboratory.sequences()
    labelled = [sequence for sequence in sequences if _humaneva_part(sequence[0]) in PARTS]
    wanted = [sequence for sequence in labelled if sequence[1].startswith(tuple(actions))]
    if not wanted:
        expected = f"subjects Train/… or Validate/… and actions {' '.join(actions)} …"
        raise laboratory.positions.wrong(expected)
    videos = [video for sequence in wanted for video in _humaneva_videos(laboratory, *sequence)]
    others = [sequence for sequence in sequences if sequence not in labelled]
    left_out = [
        *(f"{'/'.join(sequence)}: no positions" for sequence in laboratory.others()),
        *(f"{'/'.join(sequence)}: neither Train nor Validate" for sequence in others),
    ]
    return laboratory.collect(videos, HUMANEVA_FPS, HUMANEVA_ORIGIN), left_out


def _humaneva_part(subject: str) -> str:
    return subject.split("/", maxsplit=1)[0]


def _humaneva_videos(laboratory: Laboratory, subject: str, name: str) -> list[Recording]:
    """The cameras stood alike in all parts, so that they may be given once for a person."""
    sequence = LabSequence(subject, name, _NUMBERS.sub("", name), PARTS[_humaneva_part(subject)])
    world = laboratory.positions[subject][name].finite(("frames", 15, 3))
    return laboratory.videos(sequence, [subject, subject.rsplit("/", maxsplit=1)[-1]], world)


def read_custom(keypoints: Path, fps: float, focal_length: float | None = None) -> RecordingSet:
    """Videos of one person each and of unknown poses, for semi-supervised training.

    ``focal_length``, in pixels, is the same for all videos, which then count as undistorted and
    centred. Without one the cameras are unknown.
    """
    detections = Detections.read(keypoints)
    videos: list[Recording] = []
    for name in detections.found.names():
        for action in detections.found[name].names():
            size = detections.metadata["video_metadata"][name]
            count = len(detections.found[name][action].entries())
            rig = [_camera(str(number + 1), size, focal_length) for number in range(count)]
            sequence = LabSequence(name, action, action, held_out=False)
            videos += detections.videos(sequence, rig, None, "h36m17")
    if not videos:
        raise detections.found.wrong("at least one video")
    origin = f"Videos from {keypoints.name}."
    return RecordingSet.of(videos, fps, detections.layout.name, "h36m17", origin)


def _camera(name: str, size: Tree, focal_length: float | None) -> RigCamera:
    image = np.array([float(size[key].finite(())) for key in ("w", "h")])
    if (image <= 0).any():
        raise size.wrong("a width and a height in pixels")
    if focal_length is None:
        return RigCamera(name, image)
    intrinsics = np.concatenate([[focal_length, focal_length], image / 2, np.zeros(5)])
    return RigCamera(name, image, intrinsics)
