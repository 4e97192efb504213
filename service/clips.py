"""A clip on its way through a model: keypoints to inputs, in pieces out and back, then to poses."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from poselift.cameras import Camera
from poselift.chunks import Chunk, cut
from poselift.errors import InvalidInput
from poselift.formats import FORMATS, convert
from poselift.imputation import QUALITY, fill
from poselift.layout_check import check_layout
from poselift.model_output import ModelOutput
from poselift.normalisation import InverseTransform
from poselift.postprocess.bone_lengths import enforce_bone_lengths
from poselift.postprocess.foot_contact import clean_foot_skate
from poselift.postprocess.smoothing import half_window, smooth
from service.requests import Clip, LiftedClip, LiftOptions
from service.served_models import Job, ServedModel

Floats = NDArray[np.float32]

_UNKNOWN = QUALITY.index("unknown")
_FAR_OUT = "pixel coordinates nearer the image: these are too large to lift"


@dataclass
class ClipInProgress:
    """A clip made ready for a model, and the room for what the model makes of it.

    The segments are the runs of frames between unknown ones; each is lifted as a clip of its own.
    """

    id: str
    where: str
    inputs_TJ2: Floats
    quality_T: NDArray[np.uint8]
    segments: tuple[slice, ...]
    inverse: InverseTransform
    lifted: ModelOutput

    def pieces(self, model: ServedModel, flip: bool) -> Iterator[tuple[Chunk, Job]]:
        """The jobs that lift this clip, and the piece each is for."""
        longest = model.max_batch_frames // (2 if flip else 1)
        for segment in self.segments:
            for piece in cut(segment, model.span, longest):
                yield piece, Job(self.inputs_TJ2[piece.reads], piece.kept, flip)

    def work(self, model: ServedModel, flip: bool) -> float:
        """What lifting this clip costs, but for the context of chunks."""
        return sum(model.work(part.stop - part.start, flip) for part in self.segments)

    def accept(self, piece: Chunk, lifted: ModelOutput) -> None:
        """Put a piece's result in its place."""
        self.lifted.put(piece.gives, lifted)

    def finish(self, model: ServedModel, options: LiftOptions) -> LiftedClip:
        """Turn the results to camera axes, relative to the root joint, and do what was asked for.

        Raises:
            InvalidInput: the keypoints were so far out that the results are not finite.
        """
        is_unknown = self.quality_T == _UNKNOWN
        with np.errstate(all="ignore"):
            lifted = self.lifted.denormalised(self.inverse, model.root)
            poses_TJ3 = self._smoothed(lifted.poses, options)
            if options.constant_bone_lengths:
                poses_TJ3 = enforce_bone_lengths(poses_TJ3, model.card.output.parents, ~is_unknown)
            path = lifted.trajectory
            path = None if path is None else self._smoothed(path, options)
            if path is not None and options.ground_contact:
                self._ground(path, poses_TJ3[:, model.feet], options.fps)
        polished = ModelOutput(poses_TJ3, path, lifted.expected_errors)
        polished.put(is_unknown, ModelOutput.blank(model.card, int(is_unknown.sum())))
        if not np.isfinite(polished.poses).all():
            raise InvalidInput.at(self.where, _FAR_OUT)
        return LiftedClip(self.id, self.quality_T, polished.in_axes(options.axes))

    def _smoothed(self, points: Floats, options: LiftOptions) -> Floats:
        """Each segment by itself, as much as was asked for."""
        half_frames = half_window(options.smoothing_s, options.fps)
        if half_frames:
            for segment in self.segments:
                points[segment] = smooth(points[segment], half_frames)
        return points

    def _ground(self, path_T3: Floats, feet_TF3: Floats, fps: float) -> None:
        """Keep standing feet still, in each segment by itself."""
        for segment in self.segments:
            path_T3[segment] = clean_foot_skate(path_T3[segment], feet_TF3[segment], fps)


def prepare(
    clip: Clip, where: str, options: LiftOptions, model: ServedModel, max_gap_s: float
) -> ClipInProgress:
    """Bring a validated clip into the model's layout, fill what is missing and normalise.

    Args:
        clip: keypoints in pixels, in the request's format.
        where: the place of the clip's keypoints in the request, for errors.
        options: the request's options.
        model: what will lift it.
        max_gap_s: up to how long a time with nothing measured is filled.

    Raises:
        InvalidInput: nothing is measured, the format is another than named, the keypoints are too
            far out to normalise, or the model cannot do what was asked for.
    """
    if options.ground_contact and not model.tells_trajectory:
        expected = f"false: {model.card.name} does not tell the trajectory"
        raise InvalidInput.at("ground_contact", f"{expected}, found true")
    check_layout(clip.keypoints_TJ3, options.keypoint_format, where)
    layout = model.card.input
    converted = convert(clip.keypoints_TJ3, options.keypoint_format, layout.keypoint_format)
    filled = fill(
        converted,
        causal=model.card.architecture.causal,
        min_score=options.min_score,
        max_gap_frames=int(max_gap_s * options.fps + 1e-6),
        format=FORMATS[layout.keypoint_format],
    )
    if not filled.segments:
        raise InvalidInput.at(where, "at least one measured joint")
    camera = None if options.camera is None else Camera(**options.camera.model_dump())
    normalise = model.card.normaliser(options.image_size, camera)
    # Pixels near the largest float32 overflow here; what comes of them is refused just below.
    with np.errstate(all="ignore"):
        inputs_TJ2, inverse = normalise(filled.keypoints_TJ2)
    if not np.isfinite(inputs_TJ2[filled.quality_T != _UNKNOWN]).all():
        raise InvalidInput.at(where, _FAR_OUT)
    room = ModelOutput.blank(model.card, len(inputs_TJ2))
    return ClipInProgress(
        clip.id, where, inputs_TJ2, filled.quality_T, filled.segments, inverse, room
    )
