"""Lift 2D human keypoints to metric 3D poses.

>>> import poselift
>>> poses = poselift.lift(keypoints, image_size=(1920, 1080), fps=30)  # doctest: +SKIP
>>> poses.poses.shape  # metres, relative to the hip, in camera axes  # doctest: +SKIP
(243, 17, 3)

The method is that of Pavllo, Feichtenhofer, Grangier and Auli, *3D human pose estimation in video
with temporal convolutions and semi-supervised training*, CVPR 2019.
"""

from poselift.cameras import Camera
from poselift.errors import InvalidInput, ModelError, PoseliftError, RuntimeNotInstalled
from poselift.formats import FORMATS
from poselift.imputation import JointQuality, Quality
from poselift.lifting import lift, load_model
from poselift.poses import Poses, PoseWarning
from poselift.skeletons import SKELETONS
from poselift.writers.formats import write

__all__ = [
    "FORMATS",
    "SKELETONS",
    "Camera",
    "InvalidInput",
    "JointQuality",
    "ModelError",
    "PoseWarning",
    "PoseliftError",
    "Poses",
    "Quality",
    "RuntimeNotInstalled",
    "lift",
    "load_model",
    "write",
]
