"""Converters: files as each detector writes them become requests with one clip a person."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


def convert(*arguments):
    done = subprocess.run(
        [sys.executable, EXAMPLES / "convert.py", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    return json.loads(done.stdout)


def person(x, joints=17):
    """Joints one below the other at ``x`` pixels."""
    return [[x, 10 * joint, 0.9] for joint in range(joints)]


def flat(keypoints):
    return [value for joint in keypoints for value in joint]


SIZE = ("--image-size", 1000, 500, "--fps", 30, "--min-frames", 1)


def test_openpose_frames_come_in_the_order_of_their_numbers(tmp_path):
    for number in (2, 10, 1):
        people = [{"pose_keypoints_2d": flat(person(number, 25))}]
        (tmp_path / f"video_{number}_keypoints.json").write_text(json.dumps({"people": people}))
    body = convert("openpose", tmp_path, *SIZE)
    assert body["keypoint_format"] == "openpose_body25"
    assert body["image_size"] == [1000, 500]
    assert [frame[0][0] for frame in body["clips"][0]["keypoints"]] == [1, 2, 10]
    assert body["clips"][0]["keypoints"][0] == person(1, 25)


@pytest.mark.parametrize("name", ["{}.json", "image_{}.jpg"])
def test_coco_results_are_gathered_by_image(tmp_path, name):
    results = [
        {"image_id": image, "category_id": 1, "keypoints": flat(person(x)), "score": 0.9}
        for image, x in [(7, 100), (5, 800), (5, 105)]
    ]
    if "jpg" in name:
        results = [{**result, "image_id": name.format(result["image_id"])} for result in results]
    path = tmp_path / "coco_instances_results.json"
    path.write_text(json.dumps(results))
    body = convert("coco", path, *SIZE)
    assert body["keypoint_format"] == "coco17"
    first, second = body["clips"]
    assert [frame and frame[0][0] for frame in first["keypoints"]] == [800, None, None]
    assert [frame and frame[0][0] for frame in second["keypoints"]] == [105, None, 100]


@pytest.mark.parametrize(("joints", "name"), [(26, "halpe26"), (133, "wholebody133")])
def test_the_number_of_joints_tells_the_format(tmp_path, joints, name):
    instance = {"keypoints": [[5, 6]] * joints, "keypoint_scores": [0.5] * joints}
    path = tmp_path / "predictions.json"
    path.write_text(json.dumps([{"frame_id": 0, "instances": [instance]}]))
    assert convert("mmpose", path, *SIZE)["keypoint_format"] == name


@pytest.mark.parametrize("wrap", [lambda frames: frames, lambda frames: {"instance_info": frames}])
def test_mmpose_predictions_with_a_frame_left_out(tmp_path, wrap):
    instance = {"keypoints": [[5, 6]] * 17, "keypoint_scores": [0.5] * 17}
    frames = [{"frame_id": n, "instances": [instance] if n != 2 else []} for n in (0, 1, 2, 4)]
    path = tmp_path / "predictions.json"
    path.write_text(json.dumps(wrap(frames)))
    body = convert("mmpose", path, *SIZE)
    clip = body["clips"][0]["keypoints"]
    assert [frame is not None for frame in clip] == [True, True, False, False, True]
    assert clip[0] == [[5, 6, 0.5]] * 17


def test_yolo_json_keeps_the_track_ids(tmp_path):
    def result(track, x):
        points = {"x": [x] * 17, "y": [7.0] * 17, "visible": [0.8] * 17}
        return {"name": "person", "track_id": track, "keypoints": points}

    # They swap places in the file and in the image.
    frames = [[result(1, 10.0), result(2, 900.0)], json.dumps([result(2, 10.0), result(1, 900.0)])]
    path = tmp_path / "results.json"
    path.write_text(json.dumps(frames))
    first, second = convert("yolo", path, *SIZE)["clips"]
    assert [frame[0][0] for frame in first["keypoints"]] == [10, 900]
    assert [frame[0][0] for frame in second["keypoints"]] == [900, 10]


def test_yolo_labels_are_shares_of_the_image(tmp_path):
    for frame in (1, 3):
        write_label(tmp_path / f"clip_{frame}.txt", [0.25, 0.5, 0.9])
    clip = convert("yolo", tmp_path, *SIZE)["clips"][0]["keypoints"]
    assert [frame is not None for frame in clip] == [True, False, True]
    assert clip[0][0] == [250, 250, 0.9]


def write_label(path, joint, *rest):
    row = [0, 0.5, 0.5, 0.1, 0.1, *(joint * 17), *rest]
    path.write_text(" ".join(map(str, row)) + "\n")


def test_yolo_labels_without_confidences(tmp_path):
    write_label(tmp_path / "1.txt", [0.25, 0.5])
    clip = convert("yolo", tmp_path, *SIZE)["clips"][0]["keypoints"]
    assert clip == [[[250, 250, 1]] * 17]


def test_a_joint_at_the_origin_is_missing(tmp_path):
    for frame, x in enumerate([0.25, 0.0]):
        row = [0, 0.5, 0.5, 0.1, 0.1, 0, 0, 0.9, *([x, x, 0.9] * 16)]
        (tmp_path / f"{frame}.txt").write_text(" ".join(map(str, row)))
    (clip,) = convert("yolo", tmp_path, *SIZE)["clips"]
    assert clip["keypoints"] == [[[0, 0, 0]] + [[250, 125, 0.9]] * 16, None]


@pytest.mark.parametrize("box_confidence", [[], [0.8]])
@pytest.mark.parametrize("joint", [[0.5], [0.5, 0.9]])
def test_yolo_labels_keep_the_track_ids(tmp_path, box_confidence, joint):
    for frame, (left, right) in enumerate([(1, 2), (2, 1)]):
        write_label(tmp_path / f"{frame}.txt", [0.1, *joint], *box_confidence, left)
        with (tmp_path / f"{frame}.txt").open("a") as file:
            row = [0, 0.5, 0.5, 0.1, 0.1, *([0.9, *joint] * 17), *box_confidence, right]
            file.write(" ".join(map(str, row)))
    first, second = convert("yolo", tmp_path, *SIZE)["clips"]
    assert [frame[0][0] for frame in first["keypoints"]] == [100, 900]
    assert [frame[0][0] for frame in second["keypoints"]] == [900, 100]


@pytest.mark.parametrize(
    ("landmark", "score"),
    [
        ({"x": 0.5, "y": 0.5, "z": 0, "visibility": 0.7}, 0.7),
        ({"x": 0.5, "y": 0.5}, 1),
        ([0.5, 0.5, -0.1, 0.7], 0.7),
        ([0.5, 0.5, -0.1], 1),
        ([0.5, 0.5], 1),
    ],
)
@pytest.mark.parametrize("several", [False, True])
def test_mediapipe_landmarks_of_one_or_several_people(tmp_path, landmark, score, several):
    people = [landmark] * 33
    path = tmp_path / "landmarks.json"
    path.write_text(json.dumps([None, [people] if several else people]))
    body = convert("mediapipe", path, *SIZE)
    assert body["keypoint_format"] == "mediapipe33"
    assert body["clips"][0]["keypoints"] == [None, [[500, 250, score]] * 33]


def test_people_are_associated_by_their_positions(tmp_path):
    """Two people, listed in changing order, one out of sight for a while."""
    order = [(100, 800), (805, 105), (110,), (815, 115)]
    for number, places in enumerate(order):
        people = [{"pose_keypoints_2d": flat(person(x, 25))} for x in places]
        (tmp_path / f"{number}.json").write_text(json.dumps({"people": people}))
    first, second = convert("openpose", tmp_path, *SIZE)["clips"]
    assert [frame and frame[0][0] for frame in first["keypoints"]] == [100, 105, 110, 115]
    assert [frame and frame[0][0] for frame in second["keypoints"]] == [800, 805, None, 815]


def test_an_empty_folder_and_an_empty_video_are_errors(tmp_path):
    with pytest.raises(RuntimeError, match=r"no \*\.json files"):
        convert("openpose", tmp_path, *SIZE)
    (tmp_path / "0.json").write_text('{"people": []}')
    with pytest.raises(RuntimeError, match="no person is detected in 1 frames"):
        convert("openpose", tmp_path, *SIZE)


@pytest.mark.parametrize(
    ("detector", "content", "said"),
    [
        ("mmpose", "[", "Expecting value"),
        ("mmpose", "[]", "empty"),
        ("mmpose", "[{}]", "frame_id"),
        ("yolo", '[[{"a": 1}]]', "keypoints"),
        ("coco", '[{"image_id": "x"}]', "frame number"),
        ("mediapipe", "[[[0.5]]]", "mediapipe"),
        ("coco", '[{"image_id": 1, "keypoints": [1, 2, 1]}]', "1 joints; expected 17"),
    ],
)
def test_files_of_another_kind_are_one_line_errors(tmp_path, detector, content, said):
    path = tmp_path / "file.json"
    path.write_text(content)
    with pytest.raises(RuntimeError, match=f"^error: .*file.json.*{said}.*\n$"):
        convert(detector, path, *SIZE)
