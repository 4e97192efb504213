"""Checks on what callers send that their message's schema cannot express: arrays and limits.

Places are those of the JSON, as in ``clips[2].keypoints[17][4]``: clip, frame, joint.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from poselift.errors import InvalidInput
from service.request_errors import TooLarge
from service.requests import Clip

_CUT = (
    "; cut clips into pieces that share as many frames as the model's receptive_field, and keep of "
    "each the poses of its middle, or use the library (poselift.lift), which does so"
)
_LARGEST_FRAME = 2**53
"""Above it, numbers in JSON are no longer exact."""
_USUAL_JOINTS = 33
_SENT = 10
"""How many times as many frames as are lifted may be sent: a null costs a few bytes."""


@dataclass(frozen=True)
class Limits:
    """The largest request that is read."""

    max_body_bytes: int = 128 * 1024 * 1024
    max_frames_per_request: int = 100_000
    """From the first to the last detection of each clip."""
    max_clips_per_request: int = 1_000

    @property
    def max_frames_sent(self) -> int:
        """With the frames before and after, in which nothing was detected."""
        return _SENT * self.max_frames_per_request


def check_extent(clips: Sequence[Clip], joints: int, limits: Limits) -> None:
    """Refuse clips by number, name and shape; costs next to nothing however long they are.

    ``joints`` are those of a frame in the request's format.

    Raises:
        InvalidInput: no clips or frames, wrong shapes, repeated ids.
        TooLarge: more clips or frames than the limits allow.
    """
    if not clips:
        raise InvalidInput.at("clips", "at least one clip")
    check_limit("clips", len(clips), limits.max_clips_per_request)
    for index, clip in enumerate(clips):
        _check_shape(clip, index, joints)
    # Arrays grow with the joints too: those of faces and hands count as more frames.
    sent = sum(len(clip) for clip in clips) * max(joints / _USUAL_JOINTS, 1)
    check_limit("frames", round(sent), limits.max_frames_sent)
    frames = sum(clip.detected.stop - clip.detected.start for clip in clips)
    check_limit("frames", frames, limits.max_frames_per_request, _CUT)
    _check_ids(clips)


def check_limit(what: str, count: int, limit: int, remedy: str = "") -> None:
    """Refuse more than there may be in a request; raises ``TooLarge``, naming the limit."""
    if count > limit:
        raise TooLarge(
            f"clips: {count} {what} in all are over the limit of {limit} a request{remedy}"
        )


def _check_shape(clip: Clip, index: int, joints: int) -> None:
    where = f"clips[{index}].keypoints"
    shape = clip.keypoints_TJ3.shape
    if len(shape) != 3 or shape[2] != 3:
        raise InvalidInput.at(where, f"an array (frames, {joints}, 3), found {shape}")
    if shape[0] == 0:
        raise InvalidInput.at(where, "at least one frame")
    if shape[1] != joints:
        raise InvalidInput.at(f"{where}[0]", f"{joints} joints, found {shape[1]}")
    if not 0 <= clip.first_frame < _LARGEST_FRAME:
        raise InvalidInput.at(f"clips[{index}].first_frame", "a whole number from 0, below 2^53")


def _check_ids(clips: Sequence[Clip]) -> None:
    first_use: dict[str, int] = {}
    for index, clip in enumerate(clips):
        earlier = first_use.setdefault(clip.id, index)
        if earlier != index:
            raise InvalidInput.at(
                f"clips[{index}].id", f"an id of its own, but {clip.id!r} is that of clip {earlier}"
            )
