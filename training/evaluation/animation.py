"""Animations of predictions: keypoints, predicted poses and true ones."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from poselift.errors import InvalidInput
from poselift.formats import FORMATS
from poselift.skeletons import SKELETONS
from training.array_types import Array
from training.data.datasets.clips import Indices
from training.evaluation.clip_errors import Predictions

Image = NDArray[np.uint8]
Bones = Sequence[tuple[int, int]]
Artist = tuple[Callable[..., None], Array]
"""What moves something drawn, given its coordinates, and these for all frames (T, D, points)."""

COLOURS = {"left": "tab:blue", "right": "tab:red", "middle": "dimgray"}
FORMATS_WRITTEN = (".mp4", ".gif")
_INCHES_WIDE = 9.6
"""Pictures differ in their dots per inch only, so that text and lines grow with them."""
_TITLE_SHARE = 0.12
"""What titles take of a panel's width, above it."""
_SMALLEST_ROOM_M = 0.5
FASTEST_GIF_HZ = 50.0
"""Browsers show frames of less than 20 ms as if they were of 100."""


@dataclass(frozen=True)
class Excerpt:
    """What is seen of a clip: T frames at the animation's rate."""

    title: str
    times_s: Array
    """(T,): from the clip's start."""
    keypoints: Array
    """(T, J, 2): normalised; x right, y down."""
    poses: dict[str, Array]
    """By their titles, (T, K, 3) each: x right, y away from the camera, z up; metres."""
    keypoint_bones: Bones
    pose_bones: Bones
    keypoint_joints: Sequence[str]
    pose_joints: Sequence[str]


def render(piece: Excerpt, output: Path, rate: float, azimuth: float, width: int) -> None:
    """Write an animation (.mp4 or .gif) of so many frames a second and pixels, whole or not at all.

    ``azimuth`` is in degrees, of where poses are seen from; see the command's option.
    """
    images = tqdm(draw(piece, azimuth, width), "drawing", len(piece.times_s), unit="frame")
    partial = output.with_name(f".{output.name}.partial{output.suffix.lower()}")
    output.parent.mkdir(parents=True, exist_ok=True)
    try:
        _write(images, partial, rate, len(piece.times_s))
        partial.replace(output)
    finally:
        partial.unlink(missing_ok=True)


def _write(images: Iterable[Image], path: Path, rate: float, count: int) -> None:
    # Imported here, as in `draw`, so that --help and mistakes need not wait for it.
    from imageio.v2 import get_writer  # noqa: PLC0415

    options: dict[str, Any] = {"format": "FFMPEG", "fps": rate, "quality": 7, "macro_block_size": 2}
    if path.suffix == ".gif":
        durations = _durations_ms(rate, count)
        # Pillow wants a list for several frames and a number for one.
        duration = durations if count > 1 else durations[0]
        options = {"duration": duration, "loop": 0, "bits": 8}
    writer: Any = get_writer(path, mode="I", **options)  # typed as anything that reads or writes
    with writer:
        for image in images:
            writer.append_data(image)


def _durations_ms(rate: float, count: int) -> list[int]:
    """How long a GIF shows each frame: whole hundredths of a second that never fall behind."""
    hundredths = np.round(np.arange(count + 1) * 100 / rate).astype(int)
    return [10 * int(duration) for duration in np.diff(hundredths)]


def draw(piece: Excerpt, azimuth: float, width: int) -> Iterator[Image]:
    """Draw every frame: images (height, width, 3) of even sides, as videos need them."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    panels = 1 + len(piece.poses)
    sides = width, width * (1 + _TITLE_SHARE) / panels
    wide, high = (2 * round(side / 2) for side in sides)
    dpi = width / _INCHES_WIDE
    # Half a pixel more: the canvas rounds down, and a product of floats may be short of a pixel.
    figure = Figure(figsize=((wide + 0.5) / dpi, (high + 0.5) / dpi), dpi=dpi)
    canvas = FigureCanvasAgg(figure)
    room = 1 / (1 + _TITLE_SHARE)
    tracks = _draw_keypoints(figure.add_axes((0, 0, 1 / panels, room)), piece)
    size = np.max([_extent(points) for points in piece.poses.values()], axis=0)
    for number, points in enumerate(piece.poses.values(), start=1):
        place = (number / panels, 0, 1 / panels, room)
        axes = figure.add_axes(place, projection="3d")
        _set_view(axes, points, size, azimuth)
        tracks += _draw_bones(axes, points, piece.pose_joints, piece.pose_bones)
    for number, title in enumerate(["input", *piece.poses]):
        figure.text((number + 0.5) / panels, 0.92, title, ha="center", va="top")
    clock = figure.text(0.01, 0.99, "", va="top", parse_math=False)
    for frame, time_s in enumerate(piece.times_s):
        for move, coordinates in tracks:
            move(*coordinates[frame])
        clock.set_text(f"{piece.title}, {time_s:.2f} s")
        canvas.draw()
        yield np.asarray(canvas.buffer_rgba())[..., :3].copy()


def _draw_keypoints(axes: Any, piece: Excerpt) -> list[Artist]:  # noqa: ANN401
    """The panel of what the model sees, as in an image: y points down."""
    points = piece.keypoints
    low, high = points.min(axis=(0, 1)), points.max(axis=(0, 1))
    middle, reach = (low + high) / 2, 0.55 * max(float((high - low).max()), 1e-3)
    axes.set_xlim(middle[0] - reach, middle[0] + reach)
    axes.set_ylim(middle[1] + reach, middle[1] - reach)
    axes.set_aspect("equal")
    axes.axis("off")
    joined = {joint for bone in piece.keypoint_bones for joint in bone}
    others = [joint for joint in range(points.shape[1]) if joint not in joined]
    (dots,) = axes.plot([], [], ".", color=COLOURS["middle"], markersize=3)
    tracks = _draw_bones(axes, points, piece.keypoint_joints, piece.keypoint_bones)
    return [*tracks, (dots.set_data, points[:, others].swapaxes(1, 2))]


def _draw_bones(
    axes: Any,  # noqa: ANN401
    points: Array,
    joints: Sequence[str],
    bones: Bones,
) -> list[Artist]:
    """A line for each side of the body, in its colour, broken between bones."""
    tracks = []
    for side, colour in COLOURS.items():
        chosen = [bone for bone in bones if _side(joints, bone) == side]
        if chosen:
            empty: list[list[float]] = [[]] * points.shape[2]
            (line,) = axes.plot(*empty, color=colour, linewidth=2, marker=".", markersize=4)
            move = line.set_data if points.shape[2] == 2 else line.set_data_3d
            tracks.append((move, _segments(points, chosen)))
    return tracks


def _side(joints: Sequence[str], bone: tuple[int, int]) -> str:
    """The side of the body that a bone is on; in the middle if it reaches from side to side."""
    sides = {joints[joint].split("_")[0] for joint in bone} & {"left", "right"}
    return sides.pop() if len(sides) == 1 else "middle"


def _segments(points: Array, bones: Bones) -> Array:
    """Bones of points (T, J, D) as one broken line (T, D, 3·bones): NaN follows each bone."""
    ends = points[:, np.array(bones)]
    broken = np.concatenate([ends, np.full_like(ends[:, :, :1], np.nan)], axis=2)
    return broken.reshape(len(points), -1, points.shape[2]).swapaxes(1, 2)


def _extent(points: Array) -> Array:
    """How much room poses (T, K, 3) need along each axis, metres; NaN counts for nothing."""
    spans = np.nanmax(points, axis=(0, 1)) - np.nanmin(points, axis=(0, 1))
    return np.asarray(np.maximum(1.1 * spans, _SMALLEST_ROOM_M))


def _set_view(axes: Any, points: Array, size: Array, azimuth: float) -> None:  # noqa: ANN401
    """A box of this size (3,), metres, about poses (T, K, 3): all panels have the same scale.

    Lines on its sides are half a metre apart, or 2 m where the person goes far.
    """
    from matplotlib.ticker import MultipleLocator  # noqa: PLC0415

    low, high = np.nanmin(points, axis=(0, 1)), np.nanmax(points, axis=(0, 1))
    starts = (low + high - size) / 2
    step = 0.5 if size.max() < 5 else 2.0
    for name, start, length in zip("xyz", starts, size, strict=True):
        getattr(axes, f"set_{name}lim")(start, start + length)
        axis = getattr(axes, f"{name}axis")
        axis.set_major_locator(MultipleLocator(step))
        axis.set_ticklabels([])
    axes.set_box_aspect(tuple(size), zoom=0.95)
    axes.view_init(elev=15, azim=azimuth - 90)  # −90 looks along y, as the camera did


def find_clip(predictions: Predictions, clip: str) -> int:
    """The clip of this name, else of this number; `InvalidInput` names some there are."""
    if clip in predictions.names:
        return predictions.names.index(clip)
    if clip.isdecimal() and int(clip) < len(predictions):
        return int(clip)
    some = ", ".join(predictions.names[:5]) + (", ..." if len(predictions) > 5 else "")
    numbers = f"a number from 0 to {len(predictions) - 1}"
    raise InvalidInput.at("--clip", f"{numbers}, or a name such as {some}; found {clip}")


def cut(
    predictions: Predictions, clip: int, start_s: float, seconds: float, rate: float
) -> Excerpt:
    """What is to be seen of a clip: the frame before each of the animation's instants."""
    shown = _shown(predictions, clip, start_s, seconds, rate)
    start = predictions.frames(clip).start
    joints = FORMATS[predictions.keypoint_format].joints
    skeleton = SKELETONS[predictions.skeleton]
    # Few detectors find the joints on the middle of the body that hold the tree together.
    whole = set(skeleton.joints) <= set(joints)
    tree = [(skeleton.joints[a], skeleton.joints[b]) for a, b in skeleton.bones]
    named = [(joints.index(a), joints.index(b)) for a, b in tree] if whole else None
    return Excerpt(
        title=predictions.names[clip],
        times_s=(shown - start) / predictions.fps,
        keypoints=predictions.keypoints[shown],
        poses=_figures(predictions, shown),
        keypoint_bones=named or FORMATS[predictions.keypoint_format].bones,
        pose_bones=skeleton.bones,
        keypoint_joints=joints,
        pose_joints=skeleton.joints,
    )


def _shown(
    predictions: Predictions, clip: int, start_s: float, seconds: float, rate: float
) -> Indices:
    """The frames to show (T,), by their places among all clips' frames."""
    rows = predictions.frames(clip)
    length_s = (rows.stop - rows.start) / predictions.fps
    if start_s >= length_s:
        expected = f"less than the clip's {length_s:.2f} s, found {start_s:g}"
        raise InvalidInput.at("--start-s", expected)
    count = max(1, round(min(seconds, length_s - start_s) * rate))
    instants = start_s + np.arange(count) / rate
    # A little more, so that an instant which is a frame's own is not taken for earlier.
    frames = rows.start + np.floor(instants * predictions.fps + 1e-6).astype(np.int64)
    return np.asarray(np.minimum(frames, rows.stop - 1))


def _figures(predictions: Predictions, shown: Indices) -> dict[str, Array]:
    """The poses to show by their titles, (T, K, 3) each, as `Excerpt` has them."""
    predicted = predictions.poses[shown]
    trajectory = predictions.trajectory[shown]
    if np.isfinite(trajectory).all():
        predicted = predicted + (trajectory - trajectory[0])[:, None]
    figures = {"predicted": _upright(predicted)}
    target = predictions.targets[shown]
    if np.isfinite(target).all(axis=2).any():
        figures["true"] = _upright(target)
    return figures


def _upright(points: Array) -> Array:
    """From camera axes (x right, y down, z away) to x right, y away, z up."""
    return np.stack([points[..., 0], points[..., 2], -points[..., 1]], axis=-1)
