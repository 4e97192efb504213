"""Who is who in a file, and the clip of each."""

import numpy as np
import pytest

import poselift
from poselift.readers.detections import Rows
from poselift.readers.people import group_people
from tests.poselift.readers import detector_examples as good
from tests.poselift.readers.example import dumps, flat, walker
from tests.poselift.readers.test_malformed import read


def at(x, frame=0):
    keypoints = walker(frames=frame + 1)[frame].copy()
    keypoints[:, 0] += x
    return keypoints


def grouped(*detections):
    """The rows of each person, of detections (frame, x, id)."""
    rows = Rows()
    for frame, x, person_id in detections:
        rows.add(frame, at(x), f"frame {frame}", person_id)
    found = group_people(rows.detections("coco17"), "coco17")
    return {name: rows.tolist() for name, rows in found.items()}


def test_ids_decide_wherever_people_are():
    people = grouped((0, 0, 1), (0, 500, 2), (1, 500, 1), (1, 0, 2))
    assert people == {"1": [0, 2], "2": [1, 3]}


def test_without_ids_everyone_goes_on_by_motion_in_any_order():
    people = grouped((0, 0, None), (0, 500, None), (1, 505, None), (1, 5, None), (2, 10, None))
    assert people == {"person-0": [0, 3, 4], "person-1": [1, 2]}


def test_people_who_cross_go_on_straight():
    frames = range(60)
    there = [(frame, 10 * frame, None) for frame in frames]
    back = [(frame, 600 - 10 * frame + 3, None) for frame in frames]
    rows = [row for pair in zip(there, back, strict=True) for row in pair]
    assert grouped(*rows) == {
        "person-0": list(range(0, 120, 2)),
        "person-1": list(range(1, 120, 2)),
    }


def test_rows_before_a_persons_first_id_are_theirs():
    early = [(frame, x + 5 * frame, None) for frame in range(12) for x in (0, 700)]
    late = [(frame, x + 5 * frame, 7 if x else 3) for frame in range(12, 20) for x in (700, 0)]
    people = grouped(*early, *late)
    assert {name: len(rows) for name, rows in people.items()} == {"3": 20, "7": 20}


def test_a_new_id_takes_over_nobody_who_has_one():
    people = grouped((0, 0, 1), (1, 5, 2), (2, 10, None))
    assert people == {"1": [0], "2": [1, 2]}


def test_someone_elsewhere_without_an_id_is_new():
    assert len(grouped((0, 0, 1), (0, 2000, None), (1, 5, 1), (1, 2005, None))) == 2


def test_a_person_who_was_gone_for_long_is_new():
    assert len(grouped((0, 0, None), (20, 0, None))) == 1
    assert len(grouped((0, 0, None), (100, 0, None))) == 2


def test_names_of_poselifts_own_are_no_ids_of_the_file():
    people = grouped((0, 0, "person-0"), (0, 900, None))
    assert people == {"person-0": [0], "person-1": [1]}


def test_a_person_twice_in_a_frame_is_refused_naming_both():
    results = good.alphapose(2, idx=4)
    with pytest.raises(poselift.InvalidInput, match=r"\[0\]: .*'4' once in frame 0.*\[1\]"):
        read(results)


def test_too_many_people_without_ids_are_refused():
    rows = Rows()
    for _ in range(501):
        rows.add(0, at(0), "[0]")
    with pytest.raises(poselift.InvalidInput, match="500 people within 1 s at most"):
        group_people(rows.detections("coco17"), "coco17")


def test_a_clip_goes_from_the_first_to_the_last_detection():
    frames = good.results()[:2] + [{"image_id": 1000, "keypoints": flat(at(0))}]
    frames[1]["image_id"] = 990
    frames[0]["image_id"] = 980
    (clip,) = read([{**each, "track_id": 5} for each in frames])
    assert (clip.id, clip.first_frame, len(clip)) == ("5", 980, 21)
    assert (clip.keypoints[..., 2] > 0).any(axis=1).nonzero()[0].tolist() == [0, 10, 20]
    request = clip.request()
    assert request["first_frame"] == 980
    assert [frame is not None for frame in request["keypoints"]].count(True) == 3


def test_frame_numbers_far_beyond_the_detections_are_refused_of_ids_too():
    frames = [{"frame_id": number, "instances": good.mmpose()[0]} for number in (0, 10**9)]
    for frame in frames:
        frame["instances"] = [{**frame["instances"][0], "track_id": 1}]
    with pytest.raises(poselift.InvalidInput, match="0 to 1000000000 with 2 detections"):
        read(frames)


def test_people_detected_in_few_frames_can_be_left_out():
    results = good.results() + [{"image_id": 0, "keypoints": flat(at(900))}]
    assert [len(clip) for clip in read(results)] == [4, 1]
    assert [len(clip) for clip in read(results, min_frames=2)] == [4]
    with pytest.raises(poselift.InvalidInput, match="detected in 5 frames"):
        read(results, min_frames=5)


def test_a_clip_has_what_lift_takes():
    clips = read(good.dwpose(), fps=25)
    (clip,) = clips
    poses = poselift.lift(clip.keypoints, **clip.options)
    assert len(poses) == 4
    told = poselift.lift(
        clip.keypoints, image_size=(1920, 1080), fps=25, keypoint_format="openpose_coco18"
    )
    np.testing.assert_array_equal(poses.poses, told.poses)
    request = clips.lift_request()
    assert request["image_size"] == [1920, 1080]
    assert (request["fps"], request["coordinates"]) == (25, "pixels")
    np.testing.assert_allclose(request["clips"][0]["keypoints"], clip.keypoints, atol=0.01)
    dumps(request)


@pytest.mark.parametrize(
    ("options", "where"), [({"image_size": (0, 5)}, "image_size"), ({"fps": -1}, "fps")]
)
def test_wrong_options_are_refused(options, where):
    with pytest.raises(poselift.InvalidInput, match=where):
        read(good.results(), **options)


def test_timestamps_of_names_become_times():
    results = [
        {**each, "image_id": f"2018-07-04T12_06_2{time}.png"}
        for each, time in zip(good.results(), ("1.90", "1.95", "2.05", "2.10"), strict=True)
    ]
    (clip,) = read(results)
    assert clip.timestamps_s == pytest.approx([0, 0.05, 0.15, 0.2])
    assert clip.request()["timestamps_s"] == [0, 0.05, 0.15, 0.2]
