"""A clip on its way through a model: encoded, in chunks out and back, then decoded."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from poselift.chunks import Chunk, cut
from poselift.codec import FAR_OUT, Codec, Encoded, ModelInput
from poselift.errors import InvalidInput
from poselift.poses import ModelOutput
from poselift.postprocess.pipeline import Postprocessing, postprocess
from service.requests import Clip, LiftedClip, LiftOptions
from service.served_models import Job, ServedModel


@dataclass(frozen=True)
class ClipInProgress:
    """An encoded clip, and the room for what the model makes of it."""

    id: str
    where: str
    codec: Codec
    encoded: Encoded
    output: ModelOutput

    def jobs(self, model: ServedModel, flip: bool) -> Iterator[tuple[Chunk, Job]]:
        """The jobs that lift this clip, and the chunk each is for."""
        longest = model.max_batch_frames // (2 if flip else 1)
        for segment in self.encoded.segments:
            for chunk in cut(segment, model.span, longest):
                yield chunk, Job(self.encoded.inputs_TJ2[chunk.reads], chunk.kept, flip)

    def work(self, model: ServedModel, flip: bool) -> float:
        """What lifting this clip costs, but for the context of chunks."""
        segments = self.encoded.segments
        return sum(model.work(segment.stop - segment.start, flip) for segment in segments)

    def finish(self, model: ServedModel, options: LiftOptions) -> LiftedClip:
        """Decode what the model gave, and postprocess it as asked for.

        Raises:
            InvalidInput: the keypoints were so far out that the poses are not finite.
        """
        how = Postprocessing(
            options.smoothing_s, options.constant_bone_lengths, options.ground_contact
        )
        poses = self.codec.decode(self.output, self.encoded)
        with np.errstate(all="ignore"):
            poses = postprocess(poses, how, options.fps, model.card.output)
        if not np.isfinite(poses.poses).all():
            raise InvalidInput.at(self.where, FAR_OUT)
        return LiftedClip(self.id, poses.in_axes(options.axes))


def encode(
    clip: Clip, where: str, options: LiftOptions, model: ServedModel, max_gap_s: float
) -> ClipInProgress:
    """Encode a validated clip for a model.

    Args:
        clip: keypoints in pixels, in the request's format.
        where: the place of the clip's keypoints in the request, for errors.
        options: the request's options.
        model: what lifts it.
        max_gap_s: the longest gap with nothing measured that is filled.

    Raises:
        InvalidInput: the codec refuses the keypoints, or the model cannot do what is asked for.
    """
    if options.ground_contact and not model.estimates_trajectory:
        expected = f"false: {model.card.name} does not estimate the trajectory"
        raise InvalidInput.at("ground_contact", f"{expected}, found true")
    codec = Codec(ModelInput.of(model.card), options.preprocessing(max_gap_s))
    encoded = codec.encode(clip.keypoints_TJ3, where)
    room = ModelOutput.blank(model.card, len(encoded.inputs_TJ2))
    return ClipInProgress(clip.id, where, codec, encoded, room)
