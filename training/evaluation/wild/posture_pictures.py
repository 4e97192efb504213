"""A picture of people who stand straight, sit down, squat and lie: found and true poses."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np

from poselift.cameras import Camera
from poselift.runtime.clip import ClipModel
from poselift.skeletons import H36M17
from training.array_types import Array, Floats
from training.augmentation.limbs import body_frame
from training.augmentation.synthetic_camera import SyntheticCamera, look_at
from training.data.datasets.prepared import MotionSet
from training.data.sources import SEED
from training.data.synthetic import project
from training.evaluation.wild import figure as made_up
from training.evaluation.wild import held_out
from training.evaluation.wild.pictures import draw_pose
from training.figures import figure
from training.metrics import joint_errors

if TYPE_CHECKING:
    from matplotlib.axes import Axes

POSTURES = {
    "sitting down": ("sit to stand", "hip"),
    "squatting": ("deep squat", "hip"),
    "lying": ("lie down", "thorax"),
}
"""By how the actions begin that have them, and the joint that is lowest then."""
_DISTANCE_M, _HEIGHT_M = 4.0, 1.3
_BEARING = np.radians(30)
"""Of the camera, from where the person faces at first."""
_IMAGE_SIZE = (1920, 1080)
_TURN = {"from the camera": 0, "from the side": 2}


@dataclass(frozen=True)
class Posture:
    """One pose in one camera, relative to the root, metres, true and as models find it."""

    name: str
    true_K3: Array
    found: Mapping[str, Array]
    """By model."""


def postures(lifters: Mapping[str, ClipModel], files: Mapping[str, MotionSet]) -> Iterator[Posture]:
    """The made-up figure from the front, and the postures that the files have, noisy."""
    true_M3 = made_up.in_camera(made_up.posed(), side=0)[: len(H36M17.joints)]
    found = {
        name: made_up.lifted(lifter, made_up.posed(), side=0)[-1]
        for name, lifter in lifters.items()
    }
    yield Posture("standing straight", true_M3 - true_M3[0], found)
    for name, (action, joint) in POSTURES.items():
        for motions in files.values():
            clips = [i for i, each in enumerate(motions.actions) if each.startswith(action)]
            if clips:
                yield _posture(name, lifters, motions, clips[0], joint)
                break


def _posture(
    name: str, lifters: Mapping[str, ClipModel], motions: MotionSet, clip: int, joint: str
) -> Posture:
    positions_TM3 = motions.clip(clip)
    frame = int(positions_TM3[:, motions.joint_names.index(joint), 1].argmin())
    camera = _camera(positions_TM3, motions.joint_names)
    found, true_K3 = {}, np.zeros((len(H36M17.joints), 3))
    for model, lifter in lifters.items():
        rng = np.random.default_rng([SEED, crc32(motions.names[clip].encode())])
        options = held_out.NOISY.options(lifter)
        sequence = project(camera.to_camera(positions_TM3), motions, camera, options, rng)
        served, true_TK3 = held_out.served(lifter, sequence)
        found[model], true_K3 = served.poses[frame], true_TK3[frame]
    return Posture(f"{name}\n{motions.names[clip]}", true_K3, found)


def _camera(positions_TM3: Floats, joint_names: tuple[str, ...]) -> SyntheticCamera:
    """A plain camera before the person, half from the side."""
    ahead = body_frame(positions_TM3[:1], joint_names, "hip")[0, :, 2]
    bearing = np.arctan2(ahead[0], ahead[2]) + _BEARING
    middle = positions_TM3[:, 0].mean(axis=0)
    step = _DISTANCE_M * np.array([np.sin(bearing), 0.0, np.cos(bearing)])
    position = np.array([middle[0], _HEIGHT_M, middle[2]]) + step
    turn = look_at(position, middle.astype(np.float64), 0.0)
    known = Camera.assumed(_IMAGE_SIZE)
    return SyntheticCamera(
        position.astype(np.float32), turn.astype(np.float32), known, _IMAGE_SIZE, known
    )


def draw_postures(
    lifters: Mapping[str, ClipModel], files: Mapping[str, MotionSet], path: Path
) -> None:
    """Draw each posture from the camera and from the side, a row of both for each model."""
    found = list(postures(lifters, files))
    with figure(path, 2.6 * len(found), 5.2 * len(lifters)) as drawn:
        panels = drawn.subplots(2 * len(lifters), len(found), squeeze=False)
        for number, model in enumerate(lifters):
            for column, posture in enumerate(found):
                for row, (view, across) in enumerate(_TURN.items()):
                    axes = panels[2 * number + row, column]
                    _draw(axes, posture, model, across)
                    if column == 0:
                        axes.set_ylabel(f"{model}\n{view}", fontsize=8)
                    if row == 0:
                        axes.set_title(_title(posture, model), fontsize=8)


def _title(posture: Posture, model: str) -> str:
    error_mm = joint_errors(posture.found[model], posture.true_K3).mean() * 1000
    return f"{posture.name}: {error_mm:.0f} mm"


def _draw(axes: "Axes", posture: Posture, model: str, across: int) -> None:
    draw_pose(axes, posture.true_K3, H36M17, across, true=True)
    draw_pose(axes, posture.found[model], H36M17, across, true=False)
    axes.set_aspect("equal", adjustable="datalim")
    axes.invert_yaxis()
    axes.tick_params(labelsize=6)
