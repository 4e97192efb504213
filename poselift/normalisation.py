"""Turning filled keypoints in pixels into what a model eats, and its poses back to camera axes.

Both kinds work frame by frame, so clips, chunks and single live frames agree, and edge padding
commutes with them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from poselift.array_types import Floats, Slots
from poselift.cameras import Camera

Kind: TypeAlias = Literal["screen", "person"]
Pair: TypeAlias = tuple[float, float]


@dataclass(frozen=True)
class ScreenCamera:
    """Intrinsics in the paper's screen coordinates, where the image is two units wide."""

    focal_length: Pair
    principal_point: Pair

    @classmethod
    def of(cls, camera: Camera, image_size: Pair) -> "ScreenCamera":
        """A camera's intrinsics, from pixels."""
        width, height = image_size
        (fx, fy), (cx, cy) = camera.focal_length, camera.principal_point
        scale = 2 / width
        return cls((fx * scale, fy * scale), (cx * scale - 1, cy * scale - height / width))

    def seen_by(self, other: "ScreenCamera") -> Floats:
        """The matrix (3, 3) that takes a point's row from before this camera to before another.

        The point stays at its place in the image, and as large: nearer by as much as the other
        camera's focal length is shorter.
        """
        (fx, fy), (cx, cy) = self.focal_length, self.principal_point
        (gx, gy), (dx, dy) = other.focal_length, other.principal_point
        farther = float(np.sqrt(gx * gy / (fx * fy)))
        matrix = [
            [fx / gx, 0, 0],
            [0, fy / gy, 0],
            [(cx - dx) / gx, (cy - dy) / gy, 1],
        ]
        return np.array(matrix, dtype=np.float32) * np.float32(farther)


@dataclass(frozen=True)
class InverseTransform:
    """Brings what a model makes of normalised input back to camera axes.

    Camera axes are x right, y down, z away; units are metres.
    """

    turn_T33: Floats | None = None
    """Turns rows of each frame's points; nothing is turned where this is None."""
    depth_T: Floats | None = None
    """What a model calls a distance of one, in metres."""
    shift_33: Floats | None = None
    """Takes the trajectory's rows from the cameras a model knows to that of the image."""

    def of(self, frames: slice) -> "InverseTransform":
        """That of some of the frames."""
        turn, depth = self.turn_T33, self.depth_T
        return InverseTransform(
            None if turn is None else turn[frames],
            None if depth is None else depth[frames],
            self.shift_33,
        )

    def poses(self, poses_TK3: Floats) -> Floats:
        """Points relative to the root, (T, K, 3)."""
        return poses_TK3 if self.turn_T33 is None else poses_TK3 @ self.turn_T33

    def trajectory(self, roots_T3: Floats) -> Floats:
        """The root's path, (T, 3)."""
        if self.shift_33 is not None:
            return roots_T3 @ self.shift_33
        if self.depth_T is not None:
            roots_T3 = np.column_stack([roots_T3[:, :2], roots_T3[:, 2] * self.depth_T])
        return self.poses(roots_T3[:, None])[:, 0]


Normaliser: TypeAlias = Callable[[Floats], tuple[Floats, InverseTransform]]
"""Maps keypoints (T, J, 2) to inputs (T, J, 2) and to what undoes it for the model's answers.

Pixels near the largest float32 overflow in it, silently: the caller looks for infinities.
"""

_TORSO = ("left_shoulder", "right_shoulder", "left_hip", "right_hip")
_LIMBS = tuple(
    f"{side}_{joint}" for joint in ("elbow", "wrist", "knee", "ankle") for side in ("left", "right")
)
_SMALLEST_SPREAD = 1e-4
"""Below this spread, in plane units, a person is a point: its shape is noise, not signal."""
_USUAL_SPREAD = 0.1
"""What a point is taken to be spread by, as a person some five metres away is: where a single joint
was found, its distance is unknown, and the trajectory should not leave for the horizon."""
_STEEPEST_RAY = 100.0
"""Keypoints that would lie more than 89° off the camera's axis are errors; they stay finite."""
_NEAREST_DEPTH = 0.05
"""Rays more than about 87° off the person are bent back to keep the projection finite."""


def normaliser(
    kind: Kind,
    joints: Sequence[str],
    image_size: tuple[float, float],
    camera: Camera | None = None,
    known: ScreenCamera | None = None,
) -> Normaliser:
    """Choose how a model's input is made, as its card says.

    Args:
        kind: ``screen`` as in the paper, or ``person``: see the functions of those names.
        joints: names of the input joints, in order.
        image_size: width and height in pixels.
        camera: known intrinsics; ``person`` assumes some where this is None.
        known: for ``screen``, the cameras that the model's trajectory was learned with; it is
            scaled to ``camera`` where both are given.
    """
    if kind == "screen":
        inverse = InverseTransform()
        if camera is not None and known is not None:
            inverse = InverseTransform(shift_33=known.seen_by(ScreenCamera.of(camera, image_size)))
        return np.errstate(all="ignore")(lambda each: (screen(each, image_size), inverse))
    torso = [joints.index(name) for name in _TORSO]
    # Human3.6M calls the ankle a foot.
    named = {name.replace("_foot", "_ankle"): index for index, name in enumerate(joints)}
    body = np.array([*torso, *(named[name] for name in _LIMBS)])
    camera = camera or Camera.assumed(image_size)
    return np.errstate(all="ignore")(lambda each: person(camera.rays(each), torso, body))


def screen(keypoints: Floats, image_size: tuple[float, float]) -> Floats:
    """The paper's normalisation: x/w·2 − 1 and y/w·2 − h/w, so that [0, w] maps to [−1, 1]."""
    width, height = image_size
    offset = np.array([1, height / width], dtype=np.float32)
    return keypoints * np.float32(2 / width) - offset


def person(rays: Floats, torso: Sequence[int], body: Slots) -> tuple[Floats, InverseTransform]:
    """Look straight at the person and scale them to unit spread, each frame by itself.

    A virtual camera at the same place is turned by yaw and pitch until the torso's centre lies on
    its optical axis. Where in the image a person stands then no longer matters, and the poses
    come back turned exactly, which a crop of the image could not do. Distances come in units of
    the one at which a metre's spread is one: a model cannot see more than that.

    Args:
        rays: plane coordinates x/z, y/z (T, J, 2).
        torso: joints whose mean the virtual camera looks at.
        body: joints whose root mean square distance from that centre becomes 1.
    """
    # Each coordinate by itself: NumPy takes several times as long over pairs of them.
    rays = np.clip(rays, -_STEEPEST_RAY, _STEEPEST_RAY).astype(np.float32, copy=False)
    x, y = rays[..., 0], rays[..., 1]
    lengths = np.sqrt(x * x + y * y + 1)
    directions = _joined(x / lengths, y / lengths, 1 / lengths)
    turn_T33 = _look_at(_mean_of(directions, torso))
    seen = directions @ turn_T33.transpose(0, 2, 1)
    depth = np.maximum(seen[..., 2], _NEAREST_DEPTH)
    x, y = seen[..., 0] / depth, seen[..., 1] / depth
    body_x, body_y = x[:, body], y[:, body]
    squares = body_x * body_x + body_y * body_y
    spread = np.sqrt(squares.sum(axis=-1) / len(body))  # the mean, which NumPy takes longer over
    spread[spread < _SMALLEST_SPREAD] = _USUAL_SPREAD
    spread_T1 = spread[:, None]
    return _joined(x / spread_T1, y / spread_T1), InverseTransform(turn_T33, np.float32(1) / spread)


def _look_at(ahead_T3: Floats) -> Floats:
    """Rotations (T, 3, 3) from camera axes to those of a camera that looks along ``ahead``.

    Rows are the virtual camera's axes. Its x axis stays level, so upright people stay upright.
    """
    x, y, z = ahead_T3.T
    lengths = np.sqrt(x * x + y * y + z * z)
    x, y, z = x / lengths, y / lengths, z / lengths
    across = np.sqrt(x * x + z * z)
    right_x, right_z = z / across, -x / across
    turn_33T = np.empty((3, 3, len(ahead_T3)), np.float32)
    turn_33T[0, 0], turn_33T[0, 1], turn_33T[0, 2] = right_x, 0, right_z
    turn_33T[1, 0], turn_33T[1, 2] = y * right_z, -y * right_x
    turn_33T[1, 1] = z * right_x - x * right_z
    turn_33T[2, 0], turn_33T[2, 1], turn_33T[2, 2] = x, y, z
    return turn_33T.transpose(2, 0, 1)


def _mean_of(vectors_TJ3: Floats, joints: Sequence[int]) -> Floats:
    """The mean (T, 3) of some of the joints."""
    first, *others = joints
    total = vectors_TJ3[:, first].copy()
    for joint in others:
        total += vectors_TJ3[:, joint]
    total /= len(joints)
    return total


def _joined(*coordinates: Floats) -> Floats:
    """Arrays of one coordinate each, side by side along a last axis."""
    joined = np.empty((*coordinates[0].shape, len(coordinates)), np.float32)
    for axis, values in enumerate(coordinates):
        joined[..., axis] = values
    return joined
