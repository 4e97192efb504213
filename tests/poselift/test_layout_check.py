"""Mislabelled keypoints are refused; odd ones are not."""

import json
from pathlib import Path

import numpy as np
import pytest

from poselift.errors import InvalidInput
from poselift.formats import FORMATS, convert, names_with
from poselift.layout_check import check_layout
from poselift.reference_pose import REFERENCE_POSE

EXAMPLES = Path(__file__).parents[2] / "examples"

PAIRS = [
    ("coco17", "h36m17"),
    ("h36m17", "coco17"),
    ("openpose_body25", "openpose_body25b"),
    ("openpose_body25b", "openpose_body25"),
    ("aic14", "crowdpose14"),
    ("crowdpose14", "aic14"),
]


def person(name, frames=30, seed=0):
    """Someone who stands and sways, from the front, (T, J, 3)."""
    rng = np.random.default_rng(seed)
    places = np.array([REFERENCE_POSE.get(joint, (0, 0)) for joint in FORMATS[name].joints])
    sway = rng.normal(0, 0.015, (frames, len(places), 2))
    scores = np.ones((frames, len(places), 1))
    return np.concatenate([900 * (places + sway) + [500, 950], scores], -1).astype(np.float32)


@pytest.mark.parametrize(("truth", "claimed"), PAIRS)
def test_another_formats_keypoints_are_refused_and_the_right_one_named(truth, claimed):
    with pytest.raises(InvalidInput, match=rf"clips\[2\].*these look like '{truth}'"):
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


@pytest.mark.parametrize("name", sorted({name for pair in PAIRS for name in pair}))
@pytest.mark.parametrize("frames", [1, 8, 30])
def test_random_points_pass_however_often_they_are_tried(name, frames):
    """Middles of many random points are alike, as limbs of one length would be."""
    rng = np.random.default_rng(frames)
    for _ in range(100):
        keypoints = np.ones((frames, len(FORMATS[name].joints), 3), dtype=np.float32)
        keypoints[..., :2] = rng.uniform(0, 999, keypoints[..., :2].shape)
        check_layout(keypoints, name, "clips[0].keypoints")


def test_a_fit_that_cannot_be_known_is_no_reason_to_refuse():
    """Only the middle and the right side are measured: ten bones in one order, six in the other."""
    keypoints = person("h36m17")
    left = [i for i, joint in enumerate(FORMATS["h36m17"].joints) if joint.startswith("left")]
    keypoints[:, left, 2] = 0
    check_layout(keypoints, "coco17", "clips[0].keypoints")


@pytest.mark.parametrize("file", ["balancing/cam01", "balancing/cam02", "walking_mediapipe"])
@pytest.mark.parametrize("truth", [None, "coco17", "h36m17"])
def test_real_keypoints_fit_only_their_own_format(file, truth):
    request = json.loads((EXAMPLES / f"{file}.json").read_text())
    source = request["keypoint_format"]
    name = truth or source
    for clip in request["clips"]:
        frames = [frame for frame in clip["keypoints"] if frame is not None]
        keypoints = convert(np.array(frames, dtype=np.float32), source, name)
        for frame in keypoints:
            check_layout(frame[None], name, "clips[0].keypoints")
        check_layout(keypoints, name, "clips[0].keypoints")
        # PoseTrack's differ from COCO's in the head alone, which says too little.
        for other in set(names_with(keypoints.shape[1])) - {name, "posetrack17"}:
            with pytest.raises(InvalidInput, match=f"look like '{name}'"):
                check_layout(keypoints, other, "clips[0].keypoints")
