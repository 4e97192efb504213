"""Anyone's own videos, their keypoints as the paper's authors write them: ``data_2d_custom_*``."""

from pathlib import Path

import numpy as np

from training.data.datasets.laboratory import Detections, LabSequence
from training.data.datasets.recordings import RecordingSet
from training.data.datasets.rigs import RigCamera
from training.data.datasets.tree import Tree


def read_custom(keypoints: Path, fps: float, focal_length: float | None = None) -> RecordingSet:
    """Videos of one person each and of unknown poses, for semi-supervised training.

    ``focal_length``, in pixels, is the same for all videos, which then count as undistorted and
    centred. Without one the cameras are unknown.
    """
    detections = Detections.read(keypoints)
    videos = []
    for name in detections.found.names():
        for action in detections.found[name].names():
            size = detections.metadata["video_metadata"][name]
            count = len(detections.found[name][action].entries())
            rig = [_camera(str(number + 1), size, focal_length) for number in range(count)]
            sequence = LabSequence(name, action, action, held_out=False)
            videos += detections.videos(sequence, rig, None, "h36m17")
    if not videos:
        raise detections.found.wrong("at least one video")
    return detections.collect(videos, fps, "h36m17", f"Videos from {keypoints.name}.")


def _camera(name: str, size: Tree, focal_length: float | None) -> RigCamera:
    image = np.array([float(size[key].finite(())) for key in ("w", "h")])
    if (image <= 0).any():
        raise size.wrong("a width and a height in pixels")
    if focal_length is None:
        return RigCamera(name, image)
    intrinsics = np.concatenate([[focal_length, focal_length], image / 2, np.zeros(5)])
    return RigCamera(name, image, intrinsics)
