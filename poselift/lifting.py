"""Lift one person's keypoints in this process, without a server."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import ArrayLike

from poselift.array_types import Doubles, Floats
from poselift.cameras import Camera
from poselift.card import Card
from poselift.clock import Clock
from poselift.codec import FAR_OUT, Codec, Encoded, ModelInput, Preprocessing
from poselift.errors import InvalidInput
from poselift.formats import FORMATS
from poselift.imputation import MAX_GAP_S, MIN_SCORE
from poselift.input_check import Coordinates
from poselift.poses import Axes, ModelOutput, Poses
from poselift.postprocess.pipeline import Postprocessing, postprocess
from poselift.runtime.clip import ClipModel
from poselift.shipped_models import model_folder

SHORTEST_M, TALLEST_M = 0.3, 2.6
"""Heights that people have."""
_LONGEST_CHUNK = 2048
"""Frames lifted at a time, which bounds the memory that long clips take."""


def load_model(model: str | Path = "default", provider: str = "auto") -> ClipModel:
    """Load a model to lift several clips with.

    Args:
        model: the name or alias of a shipped model, or a model folder.
        provider: ``cpu``, ``cuda``, or ``auto``: a GPU where one works, else the CPU.

    Raises:
        ModelError: there is no such model, or it cannot be loaded.
        RuntimeNotInstalled: ONNX Runtime is missing.
    """
    return ClipModel.load(model_folder(model), provider)


def lift(
    keypoints: ArrayLike | Sequence[ArrayLike | None],
    *,
    image_size: tuple[float, float],
    fps: float = 50.0,
    timestamps_s: ArrayLike | None = None,
    first_frame: int = 0,
    keypoint_format: str = "coco17",
    coordinates: Coordinates = "pixels",
    model: str | Path | ClipModel = "default",
    camera: Camera | None = None,
    min_score: float = MIN_SCORE,
    max_gap_s: float = MAX_GAP_S,
    flip_augmentation: bool = False,
    smoothing_s: float = 0.0,
    constant_bone_lengths: bool = False,
    ground_contact: bool = False,
    person_height_m: float | None = None,
    axes: Axes = "camera",
) -> Poses:
    """Lift the 2D keypoints of one person to 3D poses; the same as ``POST /v1/lift``.

    Args:
        keypoints: (T, J, 2) or (T, J, 3): x right and y down in pixels, and a score, 1 if left out;
            joints of score 0, at (0, 0) or (-1, -1), frames of None and empty ones are missing.
        image_size: width and height of the image in pixels.
        fps: frames per second, by which time is counted; nothing is resampled.
        timestamps_s: the time of each frame (T,), rising, in seconds; takes the place of ``fps``.
        first_frame: the number that the first frame has in its source.
        keypoint_format: a name in ``poselift.formats.FORMATS``.
        coordinates: ``pixels``, or ``normalized``: from 0 to 1 over the image's width and height.
        model: the name or alias of a shipped model, a model folder, or what ``load_model`` gave.
        camera: intrinsics in pixels (``Camera.of`` takes a field of view); assumed if not given.
        min_score: joints scored lower are missing.
        max_gap_s: the longest gap with nothing measured that is filled; beyond it poses are zero.
        flip_augmentation: average with the mirrored input's poses: a little better, twice the cost.
        smoothing_s: smooth poses and trajectory over so many seconds around each frame.
        constant_bone_lengths: give each bone its median length throughout.
        ground_contact: change the trajectory so that standing feet do not slide.
        person_height_m: scale poses and trajectory to a person of this height.
        axes: ``camera`` (x right, y down, z away), ``y_up`` or ``z_up``.

    Returns:
        Poses in metres, relative to the root joint, one for each frame; qualities and warnings.

    Raises:
        InvalidInput: something in the keypoints or options is wrong.
        ModelError: the model cannot be loaded; ``RuntimeNotInstalled`` if ONNX Runtime is missing.
    """
    keypoints_TJ3 = as_keypoints(keypoints, keypoint_format)
    _check_options(image_size, fps, max_gap_s, smoothing_s, person_height_m, axes, camera)
    loaded = model if isinstance(model, ClipModel) else load_model(model)
    after = Postprocessing(smoothing_s, constant_bone_lengths, ground_contact, person_height_m)
    after.check(loaded.card)
    how = Preprocessing(
        keypoint_format, image_size, camera, min_score, max_gap_s, fps, coordinates=coordinates
    )
    clip = EncodedClip.of(keypoints_TJ3, how, loaded.card, timestamps_s=timestamps_s)
    output = run(loaded, clip.encoded, flip_augmentation)
    return clip.poses(output, after).counted_from(first_frame).in_axes(axes)


@dataclass(frozen=True)
class EncodedClip:
    """A clip on its way through a model: how it was encoded is how the output is decoded."""

    where: str
    card: Card
    fps: float
    codec: Codec
    encoded: Encoded
    timestamps_s: Doubles | None = None

    @classmethod
    def of(
        cls,
        keypoints_TJ3: Floats,
        how: Preprocessing,
        card: Card,
        where: str = "keypoints",
        timestamps_s: ArrayLike | None = None,
    ) -> "EncodedClip":
        """Encode a clip for the model with this card.

        ``keypoints_TJ3`` are coordinates and a finite score, 0 where missing, and ``where`` is
        their place; ``timestamps_s`` (T,) take the place of a frame rate.

        Raises:
            InvalidInput: the codec refuses the keypoints, or the timestamps do not rise.
        """
        times_where = f"{where.removesuffix('keypoints')}timestamps_s"
        clock = Clock.of(how.fps, timestamps_s, len(keypoints_TJ3), times_where)
        codec = Codec(ModelInput.of(card), replace(how, has_timestamps=timestamps_s is not None))
        encoded = codec.encode(keypoints_TJ3, where, clock.elapsed_T)
        times_s = None if timestamps_s is None else np.asarray(timestamps_s, np.float64)
        return cls(where, card, clock.fps, codec, encoded, times_s)

    def poses(self, output: ModelOutput, after: Postprocessing) -> Poses:
        """The poses, in camera axes, decoded from the model's output and postprocessed.

        Raises:
            InvalidInput: the keypoints were so far out that the poses are not finite.
        """
        poses = self.codec.decode(output, self.encoded)
        with np.errstate(all="ignore"):
            poses = postprocess(poses, after, self.fps, self.card.output)
        if not np.isfinite(poses.poses).all():
            raise InvalidInput.at(self.where, FAR_OUT)
        return replace(
            poses,
            fps=self.fps,
            timestamps_s=self.timestamps_s,
            skeleton=self.card.output.name,
        )


def run(model: ClipModel, encoded: Encoded, flip_augmentation: bool = False) -> ModelOutput:
    """Run a model on an encoded clip, segment by segment, in chunks of bounded length."""
    output = ModelOutput.blank(model.card, len(encoded.inputs_TJ2))
    flipped = (0,) if flip_augmentation else ()
    for chunk in encoded.chunks(model.span, _LONGEST_CHUNK):
        lifted = model.lift(encoded.inputs_TJ2[None, chunk.reads], flipped)
        output.put(chunk.gives, lifted[0, chunk.kept])
    return output


def as_keypoints(keypoints: ArrayLike | Sequence[ArrayLike | None], keypoint_format: str) -> Floats:
    """Keypoints as an array (T, J, 3), scores 1 where left out and 0 in frames of None.

    Raises:
        InvalidInput: the format is unknown, the shape is another, or a number is not finite.
    """
    if keypoint_format not in FORMATS:
        raise InvalidInput.at(
            "keypoint_format", f"one of {', '.join(FORMATS)}, found {keypoint_format!r}"
        )
    joints = len(FORMATS[keypoint_format].joints)
    if isinstance(keypoints, Sequence):
        nothing = np.zeros((joints, 3), np.float32)
        frames = [
            nothing if _is_empty(each) else _scored(_joints(each), joints, f"keypoints[{index}]")
            for index, each in enumerate(keypoints)
        ]
        for index, frame in enumerate(frames):
            if frame.ndim != nothing.ndim:
                raise InvalidInput.at(f"keypoints[{index}]", f"one frame, found {frame.shape}")
        array = np.stack(frames) if frames else np.zeros((0, joints, 3), np.float32)
    else:
        array = _scored(keypoints, joints, "keypoints")
    if array.ndim != 3 or len(array) == 0:
        raise InvalidInput.at("keypoints", f"(frames, {joints}, 2 or 3), found {array.shape}")
    is_missing = np.isnan(array[..., :2]).any(axis=2) & (array[..., 2] == 0)
    if is_missing.any():
        array = np.where(is_missing[..., None], np.float32(0), array)
    check_finite(array, "keypoints")
    return array


def _is_empty(frame: ArrayLike | None) -> bool:
    return frame is None or (isinstance(frame, Sequence | np.ndarray) and len(frame) == 0)


def _joints(frame: ArrayLike | None) -> Any:  # noqa: ANN401 - whatever NumPy takes
    """A frame of lists as the JSON has it: joints, x or y may be null, and scores lacking."""
    if not isinstance(frame, list):
        return frame
    return [
        [0, 0, 0]
        if joint is None or (isinstance(joint, list) and None in joint[:2])
        else [*joint, 1]
        if isinstance(joint, list) and len(joint) == 2
        else joint
        for joint in frame
    ]


def check_finite(keypoints_TJ3: Floats, where: str) -> None:
    """Refuse NaN, infinities and what became infinite for want of range.

    Raises:
        InvalidInput: naming the first joint that has such a number.
    """
    is_finite = np.isfinite(keypoints_TJ3)
    if not is_finite.all():
        finite_TJ = is_finite.all(axis=2)
        frame, joint = np.argwhere(~finite_TJ)[0]
        found = keypoints_TJ3[frame, joint].tolist()
        raise InvalidInput.at(
            f"{where}[{frame}][{joint}]",
            f"finite numbers within float32, found {found}; a missing joint has score 0",
        )


def _scored(values: ArrayLike, joints: int, where: str) -> Floats:
    """Keypoints (…, J, 2 or 3) with scores, 1 where left out."""
    try:
        with np.errstate(over="ignore"):
            array = np.asarray(values, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise InvalidInput.at(where, f"numbers in ({joints}, 2 or 3): {error}") from None
    if array.ndim < 2 or array.shape[-2] != joints or array.shape[-1] not in {2, 3}:
        raise InvalidInput.at(where, f"(…, {joints}, 2 or 3), found {array.shape}")
    if array.shape[-1] == 3:
        return array
    return np.concatenate([array, np.ones_like(array[..., :1])], axis=-1)


def _check_options(
    image_size: tuple[float, float],
    fps: float,
    max_gap_s: float,
    smoothing_s: float,
    person_height_m: float | None,
    axes: str,
    camera: Camera | None,
) -> None:
    if len(image_size) != 2 or not all(0 < side < np.inf for side in image_size):
        raise InvalidInput.at("image_size", f"(width, height) in pixels, found {image_size}")
    if not 0 < fps < np.inf:
        raise InvalidInput.at("fps", f"frames per second above 0, found {fps}")
    if not max_gap_s >= 0:
        raise InvalidInput.at("max_gap_s", f"seconds from 0, found {max_gap_s}")
    if not 0 <= smoothing_s <= 1:
        raise InvalidInput.at("smoothing_s", f"seconds from 0 to 1, found {smoothing_s}")
    if person_height_m is not None and not SHORTEST_M <= person_height_m <= TALLEST_M:
        raise InvalidInput.at(
            "person_height_m", f"metres from {SHORTEST_M} to {TALLEST_M}, found {person_height_m}"
        )
    if axes not in get_args(Axes):
        raise InvalidInput.at("axes", f"one of {', '.join(get_args(Axes))}, found {axes!r}")
    if camera is not None:
        camera.check(image_size, "camera")
