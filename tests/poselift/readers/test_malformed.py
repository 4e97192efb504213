"""Files that are not quite a detector's: errors say what, where and what was expected."""

import json
import re

import numpy as np
import pytest

import poselift
from poselift.readers.source import Source
from tests.poselift.readers import detector_examples as good
from tests.poselift.readers.example import dumps, flat, walker

TRIPLES = flat(walker()[0])
POINTS = [[1.0, 2.0]] * 17


def read(content, name="file.json", **options):
    text = content if isinstance(content, str) else dumps(content)
    return poselift.read(Source.of_bytes(name, text.encode()), **options)


@pytest.mark.parametrize(
    ("reader", "content", "said"),
    [
        ("openpose", {"persons": []}, "file.json: expected an object with people"),
        ("openpose", {"people": [{}]}, "people[0]: expected pose_keypoints_2d"),
        ("openpose", {"people": [{"pose_keypoints_2d": [1, 2]}]}, "x, y, score, x, y"),
        ("openpose", {"people": []}, "at least one detected person"),
        ("openpose", [], "an object with people"),
        ("comfyui", [{"people": [{"pose_keypoints_2d": ["a"] * 54}]}], "[0]: people[0]: expected"),
        ("comfyui", [[]], "[0]: expected an object with people"),
        (
            "alphapose",
            [{"image_id": "0.jpg", "keypoints": TRIPLES}, 7],
            "[1]: expected an image_id",
        ),
        ("alphapose", {"0.jpg": {"version": "x"}}, "0.jpg: expected a list of people"),
        ("alphapose", [{"image_id": "0.jpg"}], "[0].keypoints: expected"),
        ("alphapose", 5, "a list of people"),
        ("coco", {"a": 1}, "a list of results"),
        ("coco", [{"image_id": [], "keypoints": TRIPLES}], "an image_id, found []"),
        ("coco", [{"image_id": 1, "keypoints": [1, 2, 1]}], "1 joints"),
        ("coco", [{"image_id": 1, "keypoints": [*TRIPLES, 1]}], "x, y, score"),
        ("coco-annotations", [], "images and annotations"),
        ("coco-annotations", {"images": [3], "annotations": []}, "images: expected a list"),
        ("mmpose", [{"frame_id": "one", "instances": []}], "a whole number as frame_id"),
        ("mmpose", [{"frame_id": 0}], "instances"),
        (
            "mmpose",
            [{"frame_id": 0, "instances": [{}]}],
            "[0][0]: expected an object with keypoints",
        ),
        ("mmpose", [{"keypoints": POINTS, "keypoint_scores": [1]}], "a score for each keypoint"),
        ("mmpose", [{"keypoints": [["a", 1]]}], "numbers in keypoints"),
        ("mmpose", [{"keypoints": [[1, 2, 3]] * 17, "keypoint_scores": [1] * 17}], "3D positions"),
        ("ultralytics", [[{"keypoints": {"x": [1], "y": [1, 2]}}]], "as many numbers in x, y"),
        ("ultralytics", [[{"a": 1}]], "[0][0]: expected an object with keypoints"),
        ("ultralytics", [5], "[0]: expected a list of people"),
        ("ultralytics-labels", "0 0.5 0.5 1 1 0.5", "17 joints"),
        ("ultralytics-labels", "0 0.5 x", "line 1: expected numbers"),
        ("ultralytics-labels", "", "at least one label"),
    ],
)
def test_a_wrong_place_is_named(reader, content, said):
    with pytest.raises(poselift.InvalidInput, match=re.escape(said)):
        read(content, reader=reader)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "found an empty file"),
        ("[", "expected JSON: Expecting value"),
        ("[" * 100_000, "expected JSON"),
        ("[]", "a file or folder of a known format (openpose: "),
        ('{"clip": 1}', "a known format"),
    ],
)
def test_what_no_reader_takes_is_said_with_what_was_looked_for(content, said):
    with pytest.raises(poselift.InvalidInput, match=re.escape(said)):
        read(content)


def test_an_unknown_reader_is_refused_with_all_names():
    with pytest.raises(poselift.InvalidInput, match=r"one of openpose, .* found 'vitpose'"):
        read(good.results(), reader="vitpose")


def test_a_missing_file_is_no_file():
    with pytest.raises(FileNotFoundError, match=r"nowhere\.json"):
        poselift.read("nowhere.json")


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(poselift.InvalidInput, match="files in the folder, found none"):
        poselift.read(tmp_path)


def test_text_that_is_not_utf_8_is_refused():
    source = Source.of_bytes("a.json", b'["\xff"]')
    with pytest.raises(poselift.InvalidInput, match="text in UTF-8"):
        poselift.read(source)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_is_no_mistake(encoding):
    content = dumps(good.results()).encode(encoding)
    assert len(poselift.read(Source.of_bytes("a.json", content))) == 1


@pytest.mark.parametrize("nothing", [float("nan"), None])
def test_joints_of_nan_and_null_are_missing(nothing):
    results = good.results()
    results[1]["keypoints"][3:6] = [nothing, nothing, 0.9]
    (clip,) = read(json.dumps(results))
    assert clip.keypoints[1, 1].tolist() == [0, 0, 0]
    assert (clip.keypoints[[0, 2], 1, 2] > 0).all()


def test_infinite_coordinates_are_refused():
    results = good.results()
    results[1]["keypoints"][3] = float("inf")
    with pytest.raises(poselift.InvalidInput, match=r"\[1\]: expected finite numbers"):
        read(json.dumps(results))


def test_people_of_different_joints_are_refused():
    mixed = good.results() + [{"image_id": 9, "keypoints": TRIPLES[:48]}]
    with pytest.raises(poselift.InvalidInput, match=r"\[4\]: expected 17 joints as in .*\[0\]"):
        read(mixed)


def test_the_keypoint_format_may_be_told_and_must_fit():
    frame = [{"keypoints": [[5.0, n] for n in range(15)], "keypoint_scores": [1.0] * 15}]
    told = read([{"frame_id": 0, "instances": frame}], keypoint_format="humaneva15")
    assert told.keypoint_format == "humaneva15"
    with pytest.raises(poselift.InvalidInput, match="which the file does not tell: humaneva15"):
        read([{"frame_id": 0, "instances": frame}])
    with pytest.raises(poselift.InvalidInput, match="joints of coco17, found 15"):
        read([{"frame_id": 0, "instances": frame}], keypoint_format="coco17")
    with pytest.raises(poselift.InvalidInput, match="one of coco17"):
        read([{"frame_id": 0, "instances": frame}], keypoint_format="coco")


@pytest.mark.parametrize("missing", [[0, 0, 0.9], [-1, -1, 0.9], [5, 5, 0]])
def test_a_joint_at_the_origin_is_missing_and_a_person_without_joints_is_none(missing):
    results = good.results()
    results[0]["keypoints"][:3] = missing
    results[3]["keypoints"] = missing * 17
    (clip,) = read(results)
    assert len(clip) == 3
    assert clip.keypoints[0, 0].tolist() == [0, 0, 0]


def test_bone_lengths_tell_formats_of_as_many_joints_apart():
    person = {"keypoints": [], "keypoint_scores": [0.9] * 14}
    person["keypoints"] = walker(0, "aic14")[0, :, :2].astype(float).tolist()
    assert read([person], reader="mmpose").keypoint_format == "aic14"


def test_joints_are_found_by_their_names_where_no_format_has_their_order():
    names = [*reversed(poselift.FORMATS["coco17"].joints), "left_tragus"]
    places = walker()[0, ::-1]
    person = {
        "keypoints": [*places[:, :2].astype(float).tolist(), [9.0, 9.0]],
        "keypoint_scores": [0.9] * 18,
    }
    meta = {"dataset_name": "goliath", "keypoint_id2name": dict(enumerate(names))}
    clips = read({"meta_info": meta, "instance_info": [person]})
    assert clips.keypoint_format == "coco17"
    np.testing.assert_allclose(clips[0].keypoints, walker()[:1])
