"""What training minimises. Lengths are in metres; means are over all leading dimensions."""

from collections.abc import Sequence

import torch
from torch import Tensor

_SHORTEST_BONE_M = 0.01
"""Directions of shorter bones would change with each step of the optimiser."""


def mpjpe(predicted: Tensor, target: Tensor) -> Tensor:
    """Mean per-joint position error of (…, 3) tensors, in their unit (the paper, §5.2)."""
    distances: Tensor = torch.linalg.vector_norm(predicted - target, dim=-1)
    return distances.mean()


def rooted(poses: Tensor) -> Tensor:
    """Poses (…, K, 3) relative to their root, the first joint, as they are served."""
    return poses - poses[..., :1, :]


def exponential_nll(log_errors: Tensor, predicted: Tensor, target: Tensor) -> Tensor:
    """Negative log-likelihood of exponentially distributed distances from the target.

    ``log_errors`` (…, K) are the logarithms of the expected distances. Poses (…, K, 3) get no
    gradient; they are taken relative to the root, as they are served.
    """
    distances: Tensor = torch.linalg.vector_norm(rooted(predicted).detach() - target, dim=-1)
    return (log_errors + distances * torch.exp(-log_errors)).mean()


def velocity_error(predicted: Tensor, target: Tensor) -> Tensor:
    """Mean error of the joints' steps from rows 0, 2, 4, … to the rows after them (…, 3).

    Of neighbouring frames that is MPJVE (the paper, §5.2), in a unit of length a frame.
    """
    error = predicted - target
    return mpjpe(error[1::2], error[0::2])


def weighted_mpjpe(predicted: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Position error of (…, 3) tensors with a weight for each (…)."""
    distances: Tensor = torch.linalg.vector_norm(predicted - target, dim=-1)
    return (weight * distances).mean()


def trajectory_error(predicted: Tensor, target: Tensor) -> Tensor:
    """Error of the root in camera axes (…, 3) as a share of its distance (the paper, eq. 1).

    A person farther away is smaller in the image and harder to place, and counts less.
    """
    return weighted_mpjpe(predicted, target, 1 / target[..., 2])


def trajectory_velocity_error(predicted: Tensor, target: Tensor) -> Tensor:
    """Error of the root's steps from rows 0, 2, 4, … to the rows after them, weighted alike."""
    error = predicted - target
    return weighted_mpjpe(error[1::2], error[0::2], 1 / target[0::2, ..., 2])


def projection_error(projected: Tensor, keypoints: Tensor) -> Tensor:
    """Mean distance in the image (…, 2) of poses put back into it (the paper, §4, figure 3)."""
    distances: Tensor = torch.linalg.vector_norm(projected - keypoints, dim=-1)
    return distances.mean()


def bone_vectors(poses: Tensor, bones: Sequence[tuple[int, int]]) -> Tensor:
    """From the first to the second joint of each bone (…, bones, 3), in poses (…, K, 3)."""
    parents, children = zip(*bones, strict=True)
    return poses[..., list(children), :] - poses[..., list(parents), :]


def bone_error(predicted: Tensor, target: Tensor, bones: Sequence[tuple[int, int]]) -> Tensor:
    """Mean error of bones as vectors, in poses (…, K, 3) (Sun et al., ICCV 2017, §4.1)."""
    return mpjpe(bone_vectors(predicted, bones), bone_vectors(target, bones))


def directions(poses: Tensor, bones: Sequence[tuple[int, int]]) -> Tensor:
    """Unit vectors along each bone (…, bones, 3); shorter ones where a bone is hardly there."""
    vectors = bone_vectors(poses, bones)
    lengths = torch.linalg.vector_norm(vectors, dim=-1, keepdim=True)
    units: Tensor = vectors / lengths.clamp(min=_SHORTEST_BONE_M)
    return units


def direction_error(predicted: Tensor, target: Tensor, bones: Sequence[tuple[int, int]]) -> Tensor:
    """Mean distance of bones as unit vectors, in poses (…, K, 3): about the angle, in radians.

    The gradient of a distance is as large for a small angle as for another; that of 1 − cos would
    vanish with the angle.
    """
    return mpjpe(directions(predicted, bones), directions(target, bones))


def flexion(poses: Tensor, chains: Sequence[tuple[int, int, int]]) -> Tensor:
    """Cosine and sine of the flexion of each chain's middle joint (…, chains, 2); 0° is straight.

    The angle itself is left alone: that from a cosine has an infinite gradient where a limb is
    straight, and the cosine has none there. The sine, a length, goes down to 0 evenly.
    """
    upper = directions(poses, [chain[:2] for chain in chains])
    lower = directions(poses, [chain[1:] for chain in chains])
    sine = torch.linalg.vector_norm(torch.linalg.cross(upper, lower), dim=-1)
    return torch.stack([(upper * lower).sum(dim=-1), sine], dim=-1)


def flexion_error(
    predicted: Tensor, target: Tensor, chains: Sequence[tuple[int, int, int]]
) -> Tensor:
    """Mean error of the flexion of each chain's middle joint: about the angle, in radians.

    It is the distance of two points on a circle, twice the sine of half the difference.
    """
    return mpjpe(flexion(predicted, chains), flexion(target, chains))


def bone_lengths(poses: Tensor, bones: Sequence[tuple[int, int]]) -> Tensor:
    """The length of each bone, a pair of joints, in poses (…, K, 3)."""
    lengths: Tensor = torch.linalg.vector_norm(bone_vectors(poses, bones), dim=-1)
    return lengths


def bone_length_error(poses: Tensor, others: Tensor, bones: Sequence[tuple[int, int]]) -> Tensor:
    """How far the mean length of each bone in ``poses`` is from that in ``others`` (§4)."""
    means = [bone_lengths(each, bones).flatten(0, -2).mean(dim=0) for each in (poses, others)]
    return (means[0] - means[1]).abs().mean()
