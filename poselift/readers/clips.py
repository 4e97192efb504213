"""The people of a file: a clip each, as ``poselift.lift`` and ``POST /v1/lift`` take them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from poselift.array_types import Doubles, Floats
from poselift.errors import InvalidInput
from poselift.input_check import Coordinates
from poselift.layout_check import widened
from poselift.readers.detections import Detections, Frames, check_format
from poselift.readers.frame_order import is_far
from poselift.readers.people import group_people

_DECIMALS: Final = {"pixels": 2, "normalized": 6}
"""Of coordinates in a request: what a detector can know."""
_SCORE_DECIMALS: Final = 3


@dataclass(frozen=True, eq=False)
class Clip:
    """One person from the first to the last frame with a detection.

    Only frames with a detection are kept; ``keypoints`` has those between too, made when asked for.

    Attributes:
        id: the file's id of the person, or a name of poselift's own making.
        frames_N: the source's numbers of the frames with a detection, rising.
        detected_NJ3: the keypoints in those: x right, y down and score, 0 where missing.
        keypoint_format: a name in ``poselift.formats.FORMATS``.
        image_size: width and height in pixels; None if the file does not tell.
        fps: frames per second; None if the file does not tell.
        coordinates: ``pixels``, or ``normalized``: from 0 to 1 over the image's width and height.
        timestamps_N: the times of those frames in seconds, or None.
    """

    id: str
    frames_N: Frames
    detected_NJ3: Floats
    keypoint_format: str
    image_size: tuple[float, float] | None = None
    fps: float | None = None
    coordinates: Coordinates = "pixels"
    timestamps_N: Doubles | None = None

    def __len__(self) -> int:
        return int(self.frames_N[-1] - self.frames_N[0]) + 1

    @property
    def first_frame(self) -> int:
        """The source's number of the first frame."""
        return int(self.frames_N[0])

    @property
    def keypoints(self) -> Floats:
        """(T, J, 3): x, y and score; frames without a detection are zeros."""
        keypoints_TJ3 = np.zeros((len(self), *self.detected_NJ3.shape[1:]), np.float32)
        keypoints_TJ3[self.frames_N - self.first_frame] = self.detected_NJ3
        return keypoints_TJ3

    @property
    def timestamps_s(self) -> Doubles | None:
        """The time of each frame (T,); of frames without a detection, evenly between."""
        if self.timestamps_N is None:
            return None
        return np.interp(self.first_frame + np.arange(len(self)), self.frames_N, self.timestamps_N)

    @property
    def options(self) -> dict[str, Any]:
        """The options of ``poselift.lift`` that are known of this clip."""
        return {
            "keypoint_format": self.keypoint_format,
            "coordinates": self.coordinates,
            "first_frame": self.first_frame,
            **_known(image_size=self.image_size, fps=self.fps, timestamps_s=self.timestamps_s),
        }

    def request(self) -> dict[str, Any]:
        """This clip of a lift request; numbers rounded to what a detector can know."""
        decimals = [*[_DECIMALS[self.coordinates]] * 2, _SCORE_DECIMALS]
        frames: list[Any] = [None] * len(self)
        for frame, keypoints_J3 in zip(
            (self.frames_N - self.first_frame).tolist(), self.detected_NJ3.tolist(), strict=True
        ):
            frames[frame] = [
                [round(v, n) for v, n in zip(j, decimals, strict=True)] for j in keypoints_J3
            ]
        times_T = self.timestamps_s
        return {
            "id": self.id,
            "first_frame": self.first_frame,
            "keypoints": frames,
            **_known(timestamps_s=None if times_T is None else np.round(times_T, 6).tolist()),
        }


@dataclass(frozen=True, eq=False)
class Clips(Sequence[Clip]):
    """The clips of a file, one a person, in the order in which the people appear in it.

    Attributes:
        reader: the name of the reader that read it.
        keypoint_format, image_size, fps, coordinates: as in ``Clip``.
        extra: further fields of a lift request, where the file is one.
        notes: what the caller should know of how the file was read.
    """

    clips: tuple[Clip, ...]
    reader: str
    keypoint_format: str
    image_size: tuple[float, float] | None
    fps: float | None
    coordinates: Coordinates
    extra: Mapping[str, Any]
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, index: Any) -> Any:  # noqa: ANN401 - an index or a slice
        return self.clips[index]

    def __iter__(self) -> Iterator[Clip]:
        return iter(self.clips)

    def lift_request(self) -> dict[str, Any]:
        """The body of ``POST /v1/lift`` in JSON; without ``image_size`` where that is not known."""
        return {
            **self.extra,
            **_known(image_size=self.image_size and list(self.image_size), fps=self.fps),
            "keypoint_format": self.keypoint_format,
            "coordinates": self.coordinates,
            "clips": [clip.request() for clip in self.clips],
        }


def make_clips(
    detections: Detections, reader: str, name: str, keypoint_format: str | None, min_frames: int
) -> Clips:
    """The clips of the people in a file.

    Raises:
        InvalidInput: the keypoint format is not known or does not fit, no person is detected in so
            many frames, or frame numbers reach far beyond the detections.
    """
    if keypoint_format in detections.may_be:
        keypoints_NJ3 = widened(detections.keypoints_NJ3, keypoint_format)
        detections = detections.with_joints(keypoints_NJ3, keypoint_format)
    joints = detections.keypoints_NJ3.shape[1]
    if (keypoint_format or detections.keypoint_format) is None and detections.may_be:
        expected = f"the keypoint format: joints are told by numbers up to {joints - 1}, which may "
        raise InvalidInput.at(name, f"{expected}be {' or '.join(detections.may_be)}")
    chosen = check_format(keypoint_format or detections.keypoint_format, joints, name)
    measured = detections.of(np.flatnonzero((detections.keypoints_NJ3[..., 2] > 0).any(axis=1)))
    people = group_people(measured, chosen) if len(measured) else {}
    clips = tuple(
        _clip(measured, rows, person_id, chosen)
        for person_id, rows in people.items()
        if len(rows) >= min_frames
    )
    if not clips:
        raise InvalidInput.at(name, f"a person who is detected in {min_frames} frames")
    return Clips(
        clips,
        reader,
        chosen,
        detections.image_size,
        detections.fps,
        detections.coordinates,
        detections.options,
        detections.notes,
    )


def _clip(detections: Detections, rows: Any, person_id: str, keypoint_format: str) -> Clip:  # noqa: ANN401
    frames_N = detections.frames_N[rows]
    if is_far(frames_N.tolist()):
        found = f"{frames_N[0]} to {frames_N[-1]} with {len(frames_N)} detections"
        raise InvalidInput.at(
            detections.where[rows[0]], f"numbers of a video's frames, found {found}"
        )
    times_N = detections.timestamps_N
    return Clip(
        person_id,
        frames_N,
        detections.keypoints_NJ3[rows],
        keypoint_format,
        detections.image_size,
        detections.fps,
        detections.coordinates,
        None if times_N is None else times_N[rows],
    )


def _known(**values: Any) -> dict[str, Any]:  # noqa: ANN401
    return {name: value for name, value in values.items() if value is not None}
