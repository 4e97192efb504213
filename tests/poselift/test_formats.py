"""Keypoint formats: published orders, mirrors, and conversion by name."""

import re

import numpy as np
import pytest

from poselift.formats import FORMATS, convert, names_with

# Every format: its joints in the published order, with the published abbreviations.
PUBLISHED = {
    "coco17": "Nose LEye REye LEar REar LShoulder RShoulder LElbow RElbow LWrist RWrist LHip RHip "
    "LKnee RKnee LAnkle RAnkle",
    "h36m17": "Hip RHip RKnee RFoot LHip LKnee LFoot Spine Thorax Neck Head LShoulder LElbow "
    "LWrist RShoulder RElbow RWrist",
    "humaneva15": "Pelvis Thorax LShoulder LElbow LWrist RShoulder RElbow RWrist LHip LKnee "
    "LAnkle RHip RKnee RAnkle Head",
    "halpe26": "Nose LEye REye LEar REar LShoulder RShoulder LElbow RElbow LWrist RWrist LHip "
    "RHip LKnee RKnee LAnkle RAnkle Head Neck Hip LBigToe RBigToe LSmallToe RSmallToe LHeel RHeel",
    "openpose_body25": "Nose Neck RShoulder RElbow RWrist LShoulder LElbow LWrist Hip RHip RKnee "
    "RAnkle LHip LKnee LAnkle REye LEye REar LEar LBigToe LSmallToe LHeel RBigToe RSmallToe RHeel",
    "openpose_body25b": "Nose LEye REye LEar REar LShoulder RShoulder LElbow RElbow LWrist RWrist "
    "LHip RHip LKnee RKnee LAnkle RAnkle UpperNeck Head LBigToe LSmallToe LHeel RBigToe RSmallToe "
    "RHeel",
    "openpose_coco18": "Nose Neck RShoulder RElbow RWrist LShoulder LElbow LWrist RHip RKnee "
    "RAnkle LHip LKnee LAnkle REye LEye REar LEar",
    "openpose_mpi15": "Head Neck RShoulder RElbow RWrist LShoulder LElbow LWrist RHip RKnee RAnkle "
    "LHip LKnee LAnkle Chest",
    "mpii16": "RAnkle RKnee RHip LHip LKnee LAnkle Pelvis Thorax UpperNeck Head RWrist RElbow "
    "RShoulder LShoulder LElbow LWrist",
    "crowdpose14": "LShoulder RShoulder LElbow RElbow LWrist RWrist LHip RHip LKnee RKnee LAnkle "
    "RAnkle Head Neck",
    "aic14": "RShoulder RElbow RWrist LShoulder LElbow LWrist RHip RKnee RAnkle LHip LKnee LAnkle "
    "Head Neck",
    "posetrack17": "Nose UpperNeck Head LEar REar LShoulder RShoulder LElbow RElbow LWrist RWrist "
    "LHip RHip LKnee RKnee LAnkle RAnkle",
    "apple_vision19": "Nose LEye REye LEar REar LShoulder RShoulder Neck LElbow RElbow LWrist "
    "RWrist LHip RHip Hip LKnee RKnee LAnkle RAnkle",
    "halpe136": "Nose LEye REye LEar REar LShoulder RShoulder LElbow RElbow LWrist RWrist LHip "
    "RHip LKnee RKnee LAnkle RAnkle Head Neck Hip LBigToe RBigToe LSmallToe RSmallToe LHeel RHeel",
    "mediapipe33": "Nose LEyeInner LEye LEyeOuter REyeInner REye REyeOuter LEar REar LMouth "
    "RMouth LShoulder RShoulder LElbow RElbow LWrist RWrist LPinky RPinky LIndex RIndex LThumb "
    "RThumb LHip RHip LKnee RKnee LAnkle RAnkle LHeel RHeel LFootIndex RFootIndex",
    "wholebody133": "Nose LEye REye LEar REar LShoulder RShoulder LElbow RElbow LWrist RWrist "
    "LHip RHip LKnee RKnee LAnkle RAnkle LBigToe LSmallToe LHeel RBigToe RSmallToe RHeel",
}


@pytest.mark.parametrize("name", FORMATS)
def test_every_joint_is_at_its_published_index(name):
    assert len(set(FORMATS[name].joints)) == len(FORMATS[name].joints)
    expected = [
        "_".join({"L": "left", "R": "right"}.get(word, word.lower()) for word in words)
        for words in (
            re.findall(r"[LR](?=[A-Z])|[A-Z][a-z]*", joint) for joint in PUBLISHED[name].split()
        )
    ]
    assert list(FORMATS[name].joints[: len(expected)]) == expected
    if name in {"wholebody133", "halpe136"}:  # 68 of the face, 21 of each hand, left first
        rest = FORMATS[name].joints[len(expected) :]
        assert all(joint.startswith("face") for joint in rest[:68])
        assert all(joint.startswith("left_hand") for joint in rest[68:89])
        assert all(joint.startswith("right_hand") for joint in rest[89:])
        assert len(rest) == 110
    else:
        assert len(FORMATS[name].joints) == len(expected)


@pytest.mark.parametrize("name", FORMATS)
def test_mirror_swaps_sides_and_is_its_own_inverse(name):
    format_ = FORMATS[name]
    for joint, twin in zip(format_.joints, format_.mirror, strict=True):
        assert joint.replace("left", "SIDE").replace("right", "SIDE") == format_.joints[
            twin
        ].replace("left", "SIDE").replace("right", "SIDE")
    assert [format_.mirror[twin] for twin in format_.mirror] == list(range(len(format_.joints)))


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_has_bones_between_its_joints(name):
    format_ = FORMATS[name]
    assert len(format_.bones) >= 12
    assert all(0 <= end < len(format_.joints) for bone in format_.bones for end in bone)


def keypoints(name, seed=0):
    rng = np.random.default_rng(seed)
    return rng.uniform(0.1, 1, (6, len(FORMATS[name].joints), 3)).astype(np.float32)


@pytest.mark.parametrize(
    "source",
    [name for name in FORMATS if set(FORMATS["coco17"].joints) <= set(FORMATS[name].joints)],
)
def test_coco_joints_of_detector_formats_are_kept(source):
    given = keypoints(source)
    converted = convert(given, source, "coco17")
    for index, joint in enumerate(FORMATS["coco17"].joints):
        np.testing.assert_array_equal(
            converted[:, index], given[:, FORMATS[source].joints.index(joint)]
        )


@pytest.mark.parametrize("source", FORMATS)
@pytest.mark.parametrize("target", ["h36m17", "humaneva15"])
def test_every_joint_of_the_papers_layouts_comes_from_every_format(source, target):
    converted = convert(keypoints(source), source, target)
    assert converted.shape == (6, len(FORMATS[target].joints), 3)
    assert (converted[..., 2] > 0).all()


def test_human36m_joints_are_derived_as_documented():
    given = keypoints("coco17")
    at = {joint: given[:, i] for i, joint in enumerate(FORMATS["coco17"].joints)}
    got = dict(
        zip(
            FORMATS["h36m17"].joints,
            convert(given, "coco17", "h36m17").transpose(1, 0, 2),
            strict=True,
        )
    )
    hip = (at["left_hip"][:, :2] + at["right_hip"][:, :2]) / 2
    thorax = (at["left_shoulder"][:, :2] + at["right_shoulder"][:, :2]) / 2
    np.testing.assert_allclose(got["hip"][:, :2], hip, rtol=1e-5)
    np.testing.assert_allclose(got["thorax"][:, :2], thorax, rtol=1e-5)
    np.testing.assert_allclose(got["spine"][:, :2], (hip + thorax) / 2, rtol=1e-5)
    np.testing.assert_array_equal(got["neck"], at["nose"])
    np.testing.assert_array_equal(got["left_foot"], at["left_ankle"])


def test_a_derived_joint_is_as_good_as_the_worst_it_comes_from():
    given = keypoints("coco17")
    given[:, FORMATS["coco17"].joints.index("left_hip"), 2] = [0, 0.1, 0.2, 0.3, 0.4, 0.5]
    given[:, FORMATS["coco17"].joints.index("right_hip"), 2] = 0.25
    hip = convert(given, "coco17", "h36m17")[:, 0, 2]
    np.testing.assert_allclose(hip, [0, 0.1, 0.2, 0.25, 0.25, 0.25])


def test_what_cannot_be_derived_is_missing():
    converted = convert(keypoints("h36m17"), "h36m17", "coco17")
    face = [FORMATS["coco17"].joints.index(name) for name in ("nose", "left_eye", "right_ear")]
    np.testing.assert_array_equal(converted[:, face], 0)
    body = FORMATS["coco17"].joints.index("left_ankle")
    assert (converted[:, body, 2] > 0).all()


def test_formats_by_joint_count():
    assert {"coco17", "h36m17"} <= set(names_with(17))
    assert {"openpose_body25", "openpose_body25b"} <= set(names_with(25))
    assert names_with(1) == ()
    for count in range(140):
        assert list(names_with(count)) == [n for n in FORMATS if len(FORMATS[n].joints) == count]
