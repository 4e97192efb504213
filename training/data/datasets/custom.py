"""Anyone's own videos, their keypoints as the paper's authors write them: ``data_2d_custom_*``."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from training.data.datasets.laboratory import (
    Detections,
    LabSequence,
    LabVideo,
    collect,
    read_detections,
    videos_of,
)
from training.data.datasets.recordings import RecordingSet
from training.data.datasets.rigs import RigCamera
from training.data.datasets.tree import Tree

SKELETON = "h36m17"


def read_custom(keypoints: Path, fps: float, focal_length: float | None = None) -> RecordingSet:
    """Videos with nothing known of the poses, for semi-supervised training.

    Args:
        keypoints: one person in each video.
        fps: frames per second.
        focal_length: in pixels, the same for all videos, which then count as undistorted
            and to look through the image's middle. Without one the cameras are unknown.

    Raises:
        Invalid: naming the file and the video, and what was expected.
    """
    detections = read_detections(keypoints)
    found = detections.found
    videos = [
        video
        for name in found.names()
        for action in found[name].names()
        for video in _film(detections, name, action, focal_length)
    ]
    if not videos:
        raise found.wrong("at least one video")
    return collect(videos, fps, detections.layout.name, SKELETON, f"Videos from {keypoints.name}.")


def _film(
    detections: Detections, name: str, action: str, focal_length: float | None
) -> Iterator[LabVideo]:
    views = detections.found[name][action]
    size = detections.metadata["video_metadata"][name]
    rig = [
        _camera(str(number), size, focal_length) for number in range(1, len(views.entries()) + 1)
    ]
    sequence = LabSequence(name, action, action, held_out=False)
    return videos_of(sequence, views, rig, None, detections.layout.name, SKELETON)


def _camera(name: str, size: Tree, focal_length: float | None) -> RigCamera:
    image = np.array([float(size[key].finite(())) for key in ("w", "h")])
    if (image <= 0).any():
        raise size.wrong("a width and a height in pixels")
    if focal_length is None:
        return RigCamera(name, image)
    intrinsics = np.concatenate([[focal_length, focal_length], image / 2, np.zeros(5)])
    return RigCamera(name, image, intrinsics)
