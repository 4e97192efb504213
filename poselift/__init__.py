"""Lift 2D human keypoints to metric 3D poses.

>>> import poselift
>>> poses = poselift.lift(keypoints, image_size=(1920, 1080), fps=30)  # doctest: +SKIP
>>> poses.poses.shape  # metres, relative to the hip, in camera axes  # doctest: +SKIP
(243, 17, 3)

The method is that of Pavllo, Feichtenhofer, Grangier and Auli, *3D human pose estimation in video
with temporal convolutions and semi-supervised training*, CVPR 2019.
"""

from typing import TYPE_CHECKING, Any

from poselift.cameras import Camera
from poselift.errors import (
    InvalidInput,
    MissingPackage,
    ModelError,
    PoseliftError,
    RuntimeNotInstalled,
)
from poselift.formats import FORMATS
from poselift.imputation import JointQuality, Quality
from poselift.kinematics.joint_angles import joint_angles
from poselift.lifting import lift, load_model
from poselift.poses import Poses, PoseWarning
from poselift.readers.clips import Clip, Clips
from poselift.readers.reading import read
from poselift.skeletons import SKELETONS
from poselift.video.detection import detect
from poselift.writers.formats import write

if TYPE_CHECKING:
    from poselift.client import AsyncClient, Client

__all__ = [
    "FORMATS",
    "SKELETONS",
    "AsyncClient",
    "Camera",
    "Client",
    "Clip",
    "Clips",
    "InvalidInput",
    "JointQuality",
    "MissingPackage",
    "ModelError",
    "PoseWarning",
    "PoseliftError",
    "Poses",
    "Quality",
    "RuntimeNotInstalled",
    "detect",
    "joint_angles",
    "lift",
    "load_model",
    "read",
    "write",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - as any attribute
    """The clients, imported when they are first asked for."""
    if name in {"AsyncClient", "Client"}:
        from poselift import client  # noqa: PLC0415

        return getattr(client, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
