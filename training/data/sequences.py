"""Sequences: clips as a model is given them, with the poses and trajectories it learns."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from poselift.cameras import Camera
from poselift.codec import Codec, Encoded, ModelInput, Preprocessing
from poselift.normalisation import InverseTransform, ScreenCamera
from poselift.poses import ModelOutput, Poses
from training.array_types import Floats


@dataclass(frozen=True)
class EncodedSequence:
    """The frames of a clip from the first detection on."""

    codec: Codec
    encoded: Encoded
    frames: slice
    """Their place in the clip."""


def encode(
    keypoints_TJ3: Floats,
    model: ModelInput,
    image_size: tuple[float, float],
    camera: Camera | None,
    fps: float,
    reject_outliers: bool = True,
) -> EncodedSequence | None:
    """Encode a clip as for serving; None if nothing is detected in all of it."""
    how = Preprocessing(
        model.keypoint_format,
        image_size,
        camera,
        max_gap_s=math.inf,  # each frame has a pose to learn
        fps=fps,
        reject_outliers=reject_outliers,
    )
    codec = Codec(model, how)
    encoded = codec.encode_trusted(keypoints_TJ3)
    if not encoded.segments:
        return None
    (frames,) = encoded.segments
    return EncodedSequence(codec, encoded.of(frames), frames)


@dataclass(frozen=True)
class PoseSequence:
    """One clip in one camera."""

    codec: Codec
    encoded: Encoded
    targets_TK3: Floats
    """Poses relative to the root, metres, in the axes the model works in; NaN if unknown."""
    trajectory_T3: Floats
    """Of the root as the model predicts it, in those axes; NaN if unknown."""
    camera_T9: Floats
    """What projects points in those axes to inputs: see ``training.data.projection``."""

    @property
    def inputs_TJ2(self) -> Floats:  # noqa: N802 - as arrays are called everywhere
        """Normalised keypoints."""
        return self.encoded.inputs_TJ2

    @property
    def inverse(self) -> InverseTransform:
        """From the model's axes to camera axes."""
        return self.encoded.inverse

    def decode(self, output: ModelOutput) -> Poses:
        """The poses that are served where a model gives this."""
        return self.codec.decode(output, self.encoded)


@dataclass(frozen=True)
class Sequences:
    """Many clips end to end; row i belongs to the clip of rows first[i] … last[i]."""

    inputs_FJ2: Floats
    targets_FK3: Floats
    trajectory_F3: Floats
    camera_F9: Floats
    depth_F: Floats
    """The unit of a model's distances, in metres."""
    first_F: NDArray[np.int64]
    last_F: NDArray[np.int64]
    weight_F: Floats
    """How likely a frame is to be learned from, relative to others."""


def concatenated(sequences: Iterable[PoseSequence]) -> Sequences:
    """Clips end to end; one at least."""
    clips = list(sequences)
    lengths = np.array([len(clip.inputs_TJ2) for clip in clips])
    ends = np.cumsum(lengths)
    depths = [(clip.inverse.depth_T, np.ones(len(clip.inputs_TJ2), np.float32)) for clip in clips]
    return Sequences(
        np.concatenate([clip.inputs_TJ2 for clip in clips]),
        np.concatenate([clip.targets_TK3 for clip in clips]),
        np.concatenate([clip.trajectory_T3 for clip in clips]),
        np.concatenate([clip.camera_T9 for clip in clips]),
        np.concatenate([ones if depth is None else depth for depth, ones in depths]),
        np.repeat(ends - lengths, lengths),
        np.repeat(ends - 1, lengths),
        np.ones(int(lengths.sum()), np.float32),
    )


def pose_sequence(clip: EncodedSequence, points_TK3: Floats, camera_9: Floats) -> PoseSequence:
    """A clip from its inputs and the true positions of its joints, root first, in camera axes.

    ``camera_9`` is what projects camera axes to the screen, for ``screen`` models.
    """
    inverse = clip.encoded.inverse
    trajectory = points_TK3[:, 0]
    targets = points_TK3 - trajectory[:, None]
    camera: Floats = np.broadcast_to(camera_9, (len(trajectory), 9))
    if inverse.turn_T33 is not None and inverse.depth_T is not None:
        ahead_T33 = inverse.turn_T33.transpose(0, 2, 1)
        targets = targets @ ahead_T33
        turned = (trajectory[:, None] @ ahead_T33)[:, 0]
        trajectory = np.column_stack([turned[:, :2], turned[:, 2] / inverse.depth_T])
        # In the person-centred camera, the metre's spread at each frame is the focal length.
        camera = np.zeros((len(trajectory), 9), np.float32)
        camera[:, :2] = inverse.depth_T[:, None]
    return PoseSequence(
        clip.codec,
        clip.encoded,
        targets.astype(np.float32),
        trajectory.astype(np.float32),
        camera,
    )


def screen_parameters(
    camera: ScreenCamera, distortion: Sequence[float] = (0, 0, 0, 0, 0)
) -> Floats:
    """The nine parameters of a camera that ``training.data.projection`` takes.

    Distortion is radial k1 k2 k3 and tangential p1 p2, in the paper's sense.
    """
    return np.array([*camera.focal_length, *camera.principal_point, *distortion], np.float32)


def mirrored(clip: PoseSequence, inputs: Sequence[int], targets: Sequence[int]) -> PoseSequence:
    """The same clip in a mirror: x negated, left and right keypoints and joints exchanged."""
    across = np.array([-1, 1, 1], dtype=np.float32)
    inverse = clip.inverse
    if inverse.turn_T33 is not None:
        inverse = replace(inverse, turn_T33=inverse.turn_T33 * np.outer(across, across))
    camera = clip.camera_T9.copy()
    camera[:, [2, 7]] *= -1  # x of the principal point and of the tangential distortion
    encoded = clip.encoded._replace(
        inputs_TJ2=mirror(clip.inputs_TJ2, inputs),
        inverse=inverse,
        seen_TJ=clip.encoded.seen_TJ[:, list(inputs)],
    )
    return PoseSequence(
        clip.codec,
        encoded,
        mirror(clip.targets_TK3, targets),
        clip.trajectory_T3 * across,
        camera,
    )


def mirror(points: Floats, permutation: Sequence[int]) -> Floats:
    """Negate x of (…, J, D) and exchange left and right joints."""
    swapped = points[..., list(permutation), :].copy()
    swapped[..., 0] *= -1
    return swapped
