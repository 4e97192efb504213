"""Plain arrays of keypoints: .npy, .npz and nested lists in JSON."""

from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from poselift.array_types import Floats, Mask
from poselift.errors import InvalidInput
from poselift.formats import FORMATS
from poselift.readers.detections import Detections, Rows, in_detected_coordinates
from poselift.readers.freemocap import is_freemocap
from poselift.readers.mediapipe import refuse_world
from poselift.readers.numpy_files import NPY, npz_names, read_npy, read_npz
from poselift.readers.reader import Reader
from poselift.readers.source import Source
from poselift.readers.third_coordinate import refuse_third_coordinate

BY_COUNT: Final = {
    17: "coco17",
    25: "openpose_body25",
    26: "halpe26",
    33: "mediapipe33",
    133: "wholebody133",
}
_KEYPOINTS: Final = ("keypoints", "keypoints_2d", "kpts", "pose_2d", "poses_2d", "pose2d")
_SCORES: Final = ("scores", "keypoint_scores", "score", "confidence", "confidences")
_FOREIGN: Final = {"positions_2d", "boxes", "segments"}
"""Members of archives that have readers of their own."""
_MOVENET: Final = 17
_UPRIGHT: Final = 0.8
_SWAPPED: Final = (
    "keypoints taken as y, x, score, as MoveNet writes them: so people stand upright in "
    "{share:.0%} of the frames, and as x, y in none"
)
_UNSURE: Final = (
    "keypoints taken as x, y, score; if they are MoveNet's y, x, score, swap the first two"
)


def _sniff(source: Source) -> bool:
    if source.is_folder or is_freemocap(source):
        return False
    if source.head.startswith(NPY):
        return True
    names = npz_names(source)
    if names:
        return not _FOREIGN & set(names)
    return _is_nested(source.sniffed_json)


def _is_nested(content: object) -> bool:
    """Whether this is (T, J, 2 or 3) or (T, P, J, 2 or 3) in lists; 33 joints are MediaPipe's."""
    lengths: list[int] = []
    while isinstance(content, list) and len(lengths) < 5:
        lengths.append(len(content))
        content = next((each for each in content if each not in (None, [])), None)
    is_number = isinstance(content, int | float) and not isinstance(content, bool)
    shape = tuple(lengths)
    return (
        is_number and len(shape) in {3, 4} and shape[-1] in {2, 3} and shape[-2] in _known() - {33}
    )


def _known() -> set[int]:
    return {len(format_.joints) for format_ in FORMATS.values()}


def _read(source: Source) -> Detections:
    if source.head.startswith(NPY):
        return array_detections(read_npy(source), source.name)
    if npz_names(source):
        return _of_archive(read_npz(source), source.name)
    return array_detections(_of_lists(source.json, source.name), source.name)


def _of_archive(arrays: dict[str, NDArray[Any]], where: str) -> Detections:
    fitting = [name for name, array in arrays.items() if _fits(array.shape)]
    named = [name for name in fitting if name.lower() in _KEYPOINTS]
    chosen = named or fitting
    if len(chosen) != 1:
        found = ", ".join(f"{name} {array.shape}" for name, array in list(arrays.items())[:8])
        expected = "one array of keypoints, (frames, joints, 2 or 3) or (frames, people, joints, …)"
        raise InvalidInput.at(where, f"{expected}; found {found or 'none of numbers'}")
    keypoints = arrays[chosen[0]]
    scores = next((arrays[name] for name in arrays if name.lower() in _SCORES), None)
    if scores is not None and keypoints.shape[-1] == 2 and scores.shape == keypoints.shape[:-1]:
        keypoints = np.concatenate([keypoints, scores[..., None]], axis=-1)
    found_ = array_detections(keypoints, f"{where}, {chosen[0]}")
    return replace(found_, fps=_fps(arrays), image_size=_image_size(arrays))


def _fps(arrays: dict[str, NDArray[Any]]) -> float | None:
    return float(arrays["fps"].item()) if "fps" in arrays and arrays["fps"].size == 1 else None


def _image_size(arrays: dict[str, NDArray[Any]]) -> tuple[float, float] | None:
    size = arrays.get("image_size")
    return (float(size[0]), float(size[1])) if size is not None and size.shape == (2,) else None


def _fits(shape: tuple[int, ...]) -> bool:
    return len(shape) in {3, 4} and shape[-1] in {2, 3} and shape[-2] in _known()


def _of_lists(content: object, where: str) -> NDArray[Any]:
    frames = content if isinstance(content, list) else []
    some = next((frame for frame in frames if frame), None)
    if some is None:
        raise InvalidInput.at(where, "lists of frames of joints")
    try:
        blank = np.full(np.shape(some), np.nan)
        return np.stack([np.asarray(frame, np.float64) if frame else blank for frame in frames])
    except (TypeError, ValueError, OverflowError):
        raise InvalidInput.at(where, "lists of numbers, as long in every frame") from None


def array_detections(keypoints: NDArray[Any], where: str) -> Detections:
    """Keypoints (T, J, 2 or 3) of one person, or (T, P, J, 2 or 3) of up to P people.

    Raises:
        InvalidInput: the shape is another, or the third number is no score.
    """
    if not _fits(keypoints.shape):
        counts = ", ".join(map(str, sorted(_known())))
        expected = f"(frames, joints, 2 or 3) or (frames, people, joints, 2 or 3), {counts} joints"
        raise InvalidInput.at(where, f"{expected}; found {keypoints.shape}")
    if not keypoints.size:
        raise InvalidInput.at(where, f"at least one detected person, found {keypoints.shape}")
    joints = keypoints.shape[-2]
    people_TPJ = keypoints[:, None] if keypoints.ndim == 3 else keypoints
    if keypoints.shape[-1] == 3:
        refuse_third_coordinate(people_TPJ, where)
    rows = Rows()
    for frame, place in np.argwhere(np.isfinite(people_TPJ[..., :2]).any(axis=(2, 3))).tolist():
        at = f"{where}[{frame}]" if keypoints.ndim == 3 else f"{where}[{frame}][{place}]"
        rows.add(frame, people_TPJ[frame, place], at, "0" if keypoints.ndim == 3 else None)
    found = rows.detections(by_count=BY_COUNT, name=where)
    found = in_detected_coordinates(found)
    if joints == 33:
        refuse_world(found.keypoints_NJ3, where)
    is_movenets = joints == _MOVENET and keypoints.shape[-1] == 3
    return _ordered(found) if is_movenets and found.coordinates == "normalized" else found


def _ordered(found: Detections) -> Detections:
    """With x before y: 17 joints in shares of the image may be MoveNet's, with y before x."""
    as_is = _upright(found.keypoints_NJ3)
    swapped_NJ3 = found.keypoints_NJ3[..., [1, 0, 2]]
    swapped = _upright(swapped_NJ3)
    if swapped.mean() >= _UPRIGHT and not as_is.any():
        note = _SWAPPED.format(share=swapped.mean())
        return replace(found, keypoints_NJ3=swapped_NJ3, notes=(*found.notes, note))
    if as_is.mean() >= _UPRIGHT:
        return found
    return replace(found, notes=(*found.notes, _UNSURE))


def _upright(keypoints_NJ3: Floats) -> Mask:
    """Whether each person (N,) of coco17 has hips below shoulders, and is taller than wide."""
    shoulders, hips, ankles = (
        keypoints_NJ3[:, pair, :2].mean(axis=1) for pair in ([5, 6], [11, 12], [15, 16])
    )
    is_down = (shoulders[:, 1] < hips[:, 1]) & (hips[:, 1] < ankles[:, 1])
    across, down = np.abs(ankles - shoulders).T
    upright: Mask = is_down & (down > across)
    return upright


ARRAY = Reader(
    "array",
    "plain arrays (frames, joints, 2 or 3) or (frames, people, joints, 2 or 3) in .npy, .npz, JSON",
    "an array of numbers of one of these shapes",
    _sniff,
    _read,
)
