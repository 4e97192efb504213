"""People in 3D on their ground, from a camera that sways around them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from poselift.imputation import Quality
from poselift.poses import Poses
from poselift.video.canvas import LEFT, MIDDLE, RIGHT, Canvas, Colour, shaded, side_colour

Doubles = NDArray[np.float64]

_GROUND: Final[Colour] = (238, 240, 243)
_GRID: Final[Colour] = (205, 209, 216)
_SHADOW: Final[Colour] = (188, 193, 202)
_INK: Final[Colour] = (70, 75, 85)
_HEAD_M: Final = 0.11
_RADII_M: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "hip": (0.09, 0.085),
        "knee": (0.085, 0.06),
        "foot": (0.055, 0.04),
        "ankle": (0.055, 0.04),
        "shoulder": (0.075, 0.06),
        "elbow": (0.055, 0.042),
        "wrist": (0.042, 0.032),
        "spine": (0.12, 0.115),
        "thorax": (0.115, 0.12),
        "neck": (0.06, 0.05),
    }
)
"""Of limbs at both ends, by the last word of the joint that they lead to."""
_OTHER_RADII_M: Final = (0.05, 0.05)
_USUAL_TRUNK_M: Final = 0.48
_GRID_M: Final = 0.5
_GROUND_REACH: Final = 2.4
"""How far the ground is drawn, in parts of how far the camera must see."""
_USUAL_RADIUS_M: Final = 2.5
_INNER: Final = 0.6
_GRID_WIDTH: Final = 1.2
_EDGE: Final = 1.2
_TEXT: Final = 0.026
"""The height of letters, in parts of the picture's."""
_FIELD_OF_VIEW: Final = np.radians(32)
_ELEVATION: Final = np.radians(12)
_AZIMUTHS: Final = np.radians((0, 70))
"""The camera sways between its own place, at 0, and one to its right."""
_SWAY_S: Final = 12.0
_CALM_S: Final = 0.7
"""The camera follows where people are on average over this time."""
_LEAST_REACH_M: Final = 1.05
_AIR_M: Final = 0.1
"""Around people, for a head and names above them."""
_BESIDE_M: Final = 1.2


@dataclass(frozen=True, eq=False)
class _Figure:
    """One person, y up; NaN where unknown."""

    points_TK3: Doubles
    first_frame: int
    joints: Sequence[str]
    bones: Sequence[tuple[int, int]]
    size: float
    """Of an adult."""

    @classmethod
    def of(cls, poses: Poses, number: int) -> "_Figure":
        """Poses where they are; side by side, by their number, if that is not known."""
        upright = poses.in_axes("y_up")
        points_TK3 = upright.poses.astype(np.float64)
        if upright.trajectory is not None:
            points_TK3 = points_TK3 + upright.trajectory[:, None]
        else:
            points_TK3 = points_TK3 + np.array([number * _BESIDE_M, 0, 0])
        points_TK3[poses.quality == Quality.UNKNOWN] = np.nan
        skeleton = poses.known_skeleton
        trunk = points_TK3[:, skeleton.joints.index("thorax")] - points_TK3[:, 0]
        lengths_T = np.linalg.norm(trunk, axis=1)
        known_T = lengths_T[np.isfinite(lengths_T)]
        size = float(np.median(known_T)) / _USUAL_TRUNK_M if len(known_T) else 1.0
        return cls(points_TK3, poses.first_frame, skeleton.joints, skeleton.bones, size)

    def at(self, frame: int) -> Doubles | None:
        """The joints (K, 3) in a frame of the source, if they are known."""
        place = frame - self.first_frame
        if not 0 <= place < len(self.points_TK3) or np.isnan(self.points_TK3[place]).any():
            return None
        points_K3: Doubles = self.points_TK3[place]
        return points_K3

    def middles(self) -> Doubles:
        """The root in each frame (T, 3)."""
        return self.points_TK3[:, 0]

    def lowest(self) -> Doubles:
        """The height of the lowest joint in each frame (T, 1)."""
        heights_T1: Doubles = self.points_TK3[..., 1].min(axis=1, keepdims=True)
        return heights_T1


class Scene:
    """People who move through one space; drawn frame by frame.

    Args:
        people: by their names; poses with their trajectories, in any axes.
        fps: frames in a second.
    """

    def __init__(self, people: Mapping[str, Poses], fps: float) -> None:
        self._figures = {
            name: _Figure.of(poses, number) for number, (name, poses) in enumerate(people.items())
        }
        self._first_frame = min(poses.first_frame for poses in people.values())
        calm = round(fps * _CALM_S)
        self._middle_T3 = _averaged(self._over_time(_Figure.middles, np.nanmean), calm)
        self._floor_T1 = _calm_bound(self._over_time(_Figure.lowest, np.nanmin), -1, calm)
        reach_T1 = _calm_bound(self._over_time(self._reaches, np.nanmax), 1, calm)
        self._reach_T1 = np.maximum(reach_T1, _LEAST_REACH_M)

    def draw(self, frame: int, time_s: float, size: tuple[int, int]) -> Image.Image:
        """A frame of the source, at a time of the video."""
        canvas = Canvas(Image.new("RGB", size, _GROUND))
        row = min(max(frame - self._first_frame, 0), len(self._middle_T3) - 1)
        (floor_m,), (reach_m,) = self._floor_T1[row], self._reach_T1[row]
        ground = _Ground(self._middle_T3[row, [0, 2]], floor_m, reach_m * _GROUND_REACH)
        view = _View.of(self._middle_T3[row], reach_m, _azimuth(time_s), size)
        ground.draw(canvas, view)
        figures = {
            name: (figure, points_K3)
            for name, figure in self._figures.items()
            if (points_K3 := figure.at(frame)) is not None
        }
        for figure, points_K3 in figures.values():
            ground.draw_shadow(canvas, view, figure, points_K3)
        order = sorted(figures, key=lambda name: -view.depths(figures[name][1]).mean())
        for name in order:
            _draw_body(canvas, view, *figures[name])
        if len(self._figures) > 1:
            for name in order:
                _draw_name(canvas, view, figures[name][1], name, size[1] * _TEXT)
        _draw_legend(canvas, size)
        return canvas.finished()

    def _over_time(
        self, measure: Callable[[_Figure], Doubles], join: Callable[..., Doubles]
    ) -> Doubles:
        """What is measured of figures (T, N), joined; in between where nothing is known."""
        values = [(self._rows(each), measure(each)) for each in self._figures.values()]
        frames = max(rows.stop for rows, _ in values)
        all_FTN = np.full((len(values), frames, values[0][1].shape[1]), np.nan)
        for number, (rows, measured) in enumerate(values):
            all_FTN[number, rows] = measured
        seen = np.flatnonzero(np.isfinite(all_FTN).all(axis=2).any(axis=0))
        if not len(seen):
            return np.zeros(all_FTN.shape[1:])
        joined = join(all_FTN[:, seen], axis=0)
        every = np.arange(frames)
        return np.stack([np.interp(every, seen, column) for column in joined.T], axis=1)

    def _rows(self, figure: _Figure) -> slice:
        """The places of a figure's frames among those of all."""
        start = figure.first_frame - self._first_frame
        return slice(start, start + len(figure.points_TK3))

    def _reaches(self, figure: _Figure) -> Doubles:
        """How far a figure's joints are from the middle, at most, in each frame (T, 1)."""
        off_TK3 = figure.points_TK3 - self._middle_T3[self._rows(figure), None]
        farthest_T: Doubles = np.linalg.norm(off_TK3, axis=2).max(axis=1)
        return farthest_T[:, None] + _AIR_M


def _azimuth(time_s: float) -> float:
    share = (1 - np.cos(2 * np.pi * time_s / _SWAY_S)) / 2
    return float(_AZIMUTHS[0] + (_AZIMUTHS[1] - _AZIMUTHS[0]) * share)


@dataclass(frozen=True, eq=False)
class _Ground:
    """A round piece of a grid, which stays where it is while the camera moves."""

    middle_2: Doubles
    height_m: float
    radius_m: float

    def draw(self, canvas: Canvas, view: "_View") -> None:
        """Draw its lines, fainter outside."""
        step = _GRID_M * 2 ** max(0, round(np.log2(self.radius_m / _USUAL_RADIUS_M)))
        for radius, colour in (
            (self.radius_m, shaded(_GRID, 0.45)),
            (self.radius_m * _INNER, _GRID),
        ):
            for axis in (0, 1):
                first = np.ceil((self.middle_2[axis] - radius) / step) * step
                for place in np.arange(first, self.middle_2[axis] + radius, step):
                    self._draw_line(canvas, view, axis, place, radius, colour)

    def draw_shadow(
        self, canvas: Canvas, view: "_View", figure: _Figure, points_K3: Doubles
    ) -> None:
        """Draw the shadow of a figure that is lit from above."""
        flat_K3 = self._points(points_K3[:, [0, 2]])
        for parent, child in figure.bones:
            ends = [parent, child]
            radii = _radii(figure.joints[child], figure.size) * view.scales(flat_K3[ends])
            canvas.limb(view.pixels(flat_K3[ends]), tuple(radii), _SHADOW)

    def _draw_line(
        self, canvas: Canvas, view: "_View", axis: int, place: float, radius: float, colour: Colour
    ) -> None:
        half = np.sqrt(max(radius**2 - (place - self.middle_2[axis]) ** 2, 0.0))
        ends_22 = np.full((2, 2), place)
        ends_22[:, 1 - axis] = self.middle_2[1 - axis] + np.array([-half, half])
        canvas.line(view.pixels(self._points(ends_22)), _GRID_WIDTH, colour)

    def _points(self, places_N2: Doubles) -> Doubles:
        """Places on the ground, x and z, as points (N, 3)."""
        x_N, z_N = places_N2.T
        return np.stack([x_N, np.full_like(x_N, self.height_m), z_N], axis=1)


@dataclass(frozen=True, eq=False)
class _View:
    """A camera that looks at a place."""

    eye_3: Doubles
    axes_33: Doubles
    """Its right, up and backwards, in rows."""
    focal_length: float
    middle_2: Doubles

    @classmethod
    def of(
        cls, target_3: Doubles, reach_m: float, azimuth: float, size: tuple[int, int]
    ) -> "_View":
        """One that sees so far around a place; at azimuth 0 it looks as the video's camera did."""
        back_3 = np.array(
            [
                np.sin(azimuth) * np.cos(_ELEVATION),
                np.sin(_ELEVATION),
                np.cos(azimuth) * np.cos(_ELEVATION),
            ]
        )
        right_3 = np.array([np.cos(azimuth), 0.0, -np.sin(azimuth)])
        distance = reach_m / np.sin(_FIELD_OF_VIEW / 2)
        return cls(
            target_3 + distance * back_3,
            np.stack([right_3, np.cross(back_3, right_3), back_3]),
            min(size) / 2 / np.tan(_FIELD_OF_VIEW / 2),
            np.array(size) / 2,
        )

    def depths(self, points_N3: Doubles) -> Doubles:
        """How far points are in front of the camera (N,)."""
        depths: Doubles = np.maximum((self.eye_3 - points_N3) @ self.axes_33[2], 0.1)
        return depths

    def scales(self, points_N3: Doubles) -> Doubles:
        """Pixels for a metre at each point (N,)."""
        return self.focal_length / self.depths(points_N3)

    def pixels(self, points_N3: Doubles) -> Doubles:
        """Where points are in the picture (N, 2)."""
        across_N2 = (points_N3 - self.eye_3) @ self.axes_33[:2].T * [1, -1]
        places: Doubles = self.middle_2 + across_N2 * self.scales(points_N3)[:, None]
        return places


def _draw_body(canvas: Canvas, view: _View, figure: _Figure, points_K3: Doubles) -> None:
    """Limbs from far to near, each with a dark edge and a lit side."""
    bones = np.array(figure.bones)
    depths_K = view.depths(points_K3)
    for parent, child in bones[np.argsort(-depths_K[bones].mean(axis=1))].tolist():
        joint = figure.joints[child]
        if joint == "head":
            _draw_head(canvas, view, points_K3[[parent, child]], figure.size)
            continue
        ends_23 = points_K3[[parent, child]]
        ends_22 = view.pixels(ends_23)
        radii = _radii(joint, figure.size) * view.scales(ends_23)
        colour = side_colour(joint)
        canvas.limb(ends_22, tuple(radii + _EDGE), shaded(colour, -0.45))
        canvas.limb(ends_22, tuple(radii), colour)
        lit_22 = ends_22 - radii[:, None] * 0.3
        canvas.limb(lit_22, tuple(radii * 0.45), shaded(colour, 0.25))


def _draw_head(canvas: Canvas, view: _View, ends_23: Doubles, size: float) -> None:
    middle_13 = ends_23.mean(axis=0, keepdims=True)
    (place_2,), (scale,) = view.pixels(middle_13), view.scales(middle_13)
    radius = _HEAD_M * size * scale
    canvas.ball(place_2, radius + _EDGE, shaded(MIDDLE, -0.45))
    canvas.ball(place_2, radius, MIDDLE)
    canvas.ball(place_2 - radius * 0.3, radius * 0.45, shaded(MIDDLE, 0.25))


def _radii(joint: str, size: float) -> Doubles:
    return np.array(_RADII_M.get(joint.rpartition("_")[2], _OTHER_RADII_M)) * size


def _draw_name(canvas: Canvas, view: _View, points_K3: Doubles, name: str, size: float) -> None:
    top_13 = points_K3[[points_K3[:, 1].argmax()]] + [0, 0.25, 0]
    canvas.text(view.pixels(top_13)[0], name, size, _INK, _GROUND)


def _draw_legend(canvas: Canvas, size: tuple[int, int]) -> None:
    width, height = size
    for text, colour, share in (("left", LEFT, 0.42), ("right", RIGHT, 0.58)):
        canvas.text((width * share, height * (1 - 1.5 * _TEXT)), text, height * _TEXT, colour)


def _calm_bound(values_T1: Doubles, sign: int, window: int) -> Doubles:
    """What values stay below, for a sign of 1, or above, and changes only slowly."""
    padded = np.pad(values_T1[:, 0] * sign, window, mode="edge")
    bound_T = np.lib.stride_tricks.sliding_window_view(padded, 2 * window + 1).max(axis=1) * sign
    return _averaged(bound_T[:, None], 2 * window)


def _averaged(values_TN: Doubles, window: int) -> Doubles:
    """The mean over so many frames around each."""
    window = min(window, len(values_TN)) | 1
    padded = np.pad(values_TN, ((window // 2, window // 2), (0, 0)), mode="edge")
    sums = np.cumsum(np.pad(padded, ((1, 0), (0, 0))), axis=0)
    averages: Doubles = (sums[window:] - sums[:-window]) / window
    return averages
