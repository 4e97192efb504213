"""Mislabelled keypoints are refused; odd ones are not."""

import numpy as np
import pytest

from service.errors import Invalid
from service.pose.formats import FORMATS
from service.pose.layout_check import check_layout
from service.pose.standing import STANDING

PAIRS = [
    ("coco17", "h36m17"),
    ("h36m17", "coco17"),
    ("openpose_body25", "openpose_body25b"),
    ("openpose_body25b", "openpose_body25"),
]


def person(name, frames=30, seed=0):
    """Someone who stands and sways, seen from the front, (T, J, 3)."""
    rng = np.random.default_rng(seed)
    places = np.array([STANDING.get(joint, (0, 0)) for joint in FORMATS[name].joints])
    sway = rng.normal(0, 0.015, (frames, len(places), 2))
    scores = np.ones((frames, len(places), 1))
    return np.concatenate([900 * (places + sway) + [500, 950], scores], -1).astype(np.float32)


@pytest.mark.parametrize(("truth", "claimed"), PAIRS)
def test_another_formats_keypoints_are_refused_and_the_right_one_named(truth, claimed):
    with pytest.raises(Invalid, match=rf"clips\[2\].*these look like '{truth}'"):
        check_layout(person(truth), claimed, "clips[2].keypoints")


@pytest.mark.parametrize("name", FORMATS)
def test_the_right_name_passes(name):
    check_layout(person(name), name, "clips[0].keypoints")


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize(
    "distort",
    [
        lambda k, rng: k * [1, -1, 1],  # upside down
        lambda k, rng: k[..., [1, 0, 2]],  # lying
        lambda k, rng: k * [-1, 1, 1],  # mirrored
        lambda k, rng: k * [0.1, 1, 1],  # from the side
        lambda k, rng: k * [0, 0, 1],  # all in one point
        lambda k, rng: k * [1, 1, 0],  # nothing measured
        lambda k, rng: k * (rng.random((1, k.shape[1], 1)) < 0.2),  # hardly anything measured
        lambda k, rng: np.concatenate([rng.uniform(0, 999, k[..., :2].shape), k[..., 2:]], -1),
        lambda k, rng: k[:1],
    ],
)
def test_odd_and_degenerate_poses_pass(name, distort):
    for seed in range(10):
        keypoints = distort(person(name, seed=seed), np.random.default_rng(seed))
        check_layout(keypoints.astype(np.float32), name, "clips[0].keypoints")
