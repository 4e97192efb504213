"""Lift requests and landmarks in forms that people really have, read and lifted."""

import copy
import json
from pathlib import Path

import numpy as np
import pytest

import poselift
from poselift.readers.source import Source

CASES = Path(__file__).parent / "field_cases"
CONTRACT = Path(__file__).parents[2] / "contract" / "field_cases"
GOOD = json.loads((CONTRACT / "00-good-walk.json").read_text())
WRISTS, ANKLE = (9, 10), 15


@pytest.fixture(scope="module")
def model():
    return poselift.load_model()


def request(change=lambda frames: None, **more):
    """The good request, its frames changed."""
    body = copy.deepcopy(GOOD) | more
    change(body["clips"][0]["keypoints"])
    return body


def read(body):
    return poselift.read(Source.of_bytes("request.json", json.dumps(body).encode()))


def lift(body, model):
    (clip,) = read(body)
    return poselift.lift(clip.keypoints, model=model, **clip.options)


def distance(poses, others):
    return np.linalg.norm(poses.poses - others.poses, axis=-1).mean()


@pytest.mark.parametrize("place", [[0, 0], [-1, -1]])
def test_places_without_a_score_that_mean_missing(place, model):
    def some_missing(frames):
        for frame in frames:
            frame[:] = [joint[:2] for joint in frame]
        for frame in frames[20:40]:
            for joint in (*WRISTS, ANKLE):
                frame[joint] = list(place)

    (clip,) = read(request(some_missing))
    assert not clip.keypoints[20:40, WRISTS, 2].any()
    assert distance(lift(request(some_missing), model), lift(GOOD, model)) < 0.015


@pytest.mark.parametrize("joint", [None, [None, None, 0]])
def test_null_is_missing(joint):
    def null(frames):
        frames[3][9] = joint

    (clip,) = read(request(null))
    assert np.argwhere(clip.keypoints[..., 2] == 0).tolist() == [[3, 9]]


def test_an_empty_frame_is_as_null():
    def without_people(frames, frame):
        frames[3] = frame

    for frame in ([], None):
        (clip,) = read(request(lambda frames, frame=frame: without_people(frames, frame)))
        assert np.flatnonzero(~clip.keypoints.any(axis=(1, 2))).tolist() == [3]


def test_shares_of_the_image_as_pixels_are_refused_and_taken_when_named(model):
    def share(frames):
        for frame in frames:
            frame[:] = [[x / 1920, y / 1080, score] for x, y, score in frame]

    with pytest.raises(poselift.InvalidInput, match='add "coordinates": "normalized"'):
        lift(request(share), model)
    poses = lift(request(share, coordinates="normalized"), model)
    assert distance(poses, lift(GOOD, model)) < 1e-3


def test_nan_is_refused():
    body = json.dumps(GOOD).replace(str(GOOD["clips"][0]["keypoints"][0][0][0]), "NaN", 1)
    with pytest.raises(poselift.InvalidInput, match="NaN is not JSON: send null for a joint"):
        poselift.read(Source.of_bytes("request.json", body.encode()))


def test_width_and_height_swapped_are_warned_of(model):
    def lower(frames):
        for frame in frames:
            frame[:] = [[x * 1080 / 1920, y * 1920 / 1080, score] for x, y, score in frame]

    poses = lift(request(lower), model)
    assert "outside_image" in {warning.code for warning in poses.warnings}


def test_one_stray_wrist_is_rejected(model):
    def stray(frames):
        frames[30][9] = [100.0, 60.0, 0.9]

    poses, good = lift(request(stray), model), lift(GOOD, model)
    assert poses.joint_quality[30, 9] == poselift.JointQuality.REJECTED
    assert np.linalg.norm(poses.poses - good.poses, axis=-1).max() < 0.03


def test_people_who_are_seen_for_two_seconds_of_a_long_video_are_short_clips():
    frames = GOOD["clips"][0]["keypoints"]
    clips = [
        {
            "id": f"p{number}",
            "keypoints": [None] * (4000 * number) + frames + [None] * (25_000 - 4000 * number),
        }
        for number in range(4)
    ]
    found = read(GOOD | {"clips": clips})
    assert [(c.id, c.first_frame, len(c)) for c in found] == [
        (f"p{number}", 4000 * number, 60) for number in range(4)
    ]


def test_tasks_objects_of_mediapipe():
    clips = poselift.read(CASES / "19-mediapipe-tasks-objects.json")
    assert (clips.reader, clips.keypoint_format) == ("mediapipe", "mediapipe33")
    assert clips.coordinates == "normalized"
    assert [len(clip) for clip in clips] == [12]


def test_joints_by_id_some_left_out(model):
    (clip,) = poselift.read(CASES / "20-sparse-joints-by-id.json", image_size=(1920, 1080), fps=30)
    assert (clip.keypoint_format, clip.coordinates) == ("coco17", "normalized")
    assert 0.2 < (clip.keypoints[..., 2] == 0).mean() < 0.5
    poses = poselift.lift(clip.keypoints, model=model, **clip.options)
    good = lift(GOOD, model)
    assert np.linalg.norm(poses.poses - good.poses[:30], axis=-1).mean() < 0.015
