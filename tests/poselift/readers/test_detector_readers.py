"""What is read from the files of detectors: numbers, frames and people."""

import json

import numpy as np
import pytest

import poselift
from tests.poselift.readers.example import HEIGHT, WIDTH, dumps, flat
from tests.poselift.readers.test_malformed import read


def person(x, joints=17):
    """Joints one below the other at ``x`` pixels."""
    return np.array([[x, 10 * joint + 10, 0.9] for joint in range(joints)], np.float32)


def noses(clip):
    """The x of the first joint in each frame, None without a detection."""
    return [float(x) if score else None for x, _, score in clip.keypoints[:, 0]]


def test_openpose_frames_come_in_the_order_of_their_numbers(tmp_path):
    for number in (2, 10, 1):
        people = [{"pose_keypoints_2d": flat(person(number, 25))}]
        (tmp_path / f"video_{number}_keypoints.json").write_text(dumps({"people": people}))
    (clip,) = poselift.read(tmp_path, keypoint_format="openpose_body25")
    assert clip.first_frame == 1
    assert noses(clip) == [1, 2, *[None] * 7, 10]
    np.testing.assert_array_equal(clip.keypoints[0], person(1, 25))


def test_openposes_people_are_associated_by_motion(tmp_path):
    """Two people, listed in changing order, one out of sight for a while."""
    for number, places in enumerate([(100, 800), (805, 105), (110,), (815, 115)]):
        people = [{"pose_keypoints_2d": flat(person(x, 25))} for x in places]
        (tmp_path / f"{number}.json").write_text(dumps({"people": people}))
    first, second = poselift.read(tmp_path, keypoint_format="openpose_body25")
    assert noses(first) == [100, 105, 110, 115]
    assert noses(second) == [800, 805, None, 815]


def test_a_person_id_that_openpose_gives_counts_and_minus_one_does_not():
    def frame(*ids):
        people = [
            {"person_id": [each], "pose_keypoints_2d": flat(person(900 * place, 25))}
            for place, each in enumerate(ids)
        ]
        return {"people": people}

    clips = read(frame(4, 3), keypoint_format="openpose_body25")
    assert [clip.id for clip in clips] == ["4", "3"]
    clips = read(frame(-1, -1), keypoint_format="openpose_body25")
    assert [clip.id for clip in clips] == ["person-0", "person-1"]


@pytest.mark.parametrize("name", [None, "image_{}.jpg"])
def test_coco_results_are_gathered_by_image(name):
    results = [
        {"image_id": image, "category_id": 1, "keypoints": flat(person(x)), "score": 0.9}
        for image, x in [(7, 100), (5, 800), (5, 105)]
    ]
    if name:
        results = [{**each, "image_id": name.format(each["image_id"])} for each in results]
    clips = read(results)
    assert clips.reader == ("alphapose" if name else "coco")
    found = {clip.first_frame: noses(clip) for clip in clips if len(clip) == 1}
    assert found == {5: [800]}
    assert [noses(clip) for clip in clips if len(clip) > 1] == [[105, None, 100]]


def test_coco_annotations_know_the_image_size_and_take_frames_from_file_names():
    image = {"id": 3, "file_name": "a/000017.jpg", "width": WIDTH, "height": HEIGHT}
    visible = person(100)
    visible[:, 2] = 2
    visible[3] = 0
    annotation = {"image_id": 3, "keypoints": flat(visible), "num_keypoints": 16}
    clips = read({"images": [image], "annotations": [annotation, {"image_id": 3, "bbox": []}]})
    assert clips.image_size == (WIDTH, HEIGHT)
    assert clips[0].first_frame == 17
    assert clips[0].keypoints[0, :, 2].tolist() == [1, 1, 1, 0, *[1] * 13]


@pytest.mark.parametrize("wrap", [lambda frames: frames, lambda frames: {"instance_info": frames}])
def test_mmpose_predictions_with_a_frame_left_out(wrap):
    instance = {"keypoints": person(5)[:, :2].tolist(), "keypoint_scores": [0.5] * 17}
    frames = [{"frame_id": n, "instances": [instance] if n != 2 else []} for n in (0, 1, 2, 4)]
    (clip,) = read(wrap(frames))
    assert noses(clip) == [5, 5, None, None, 5]
    assert (clip.keypoints[0, :, 2] == 0.5).all()


@pytest.mark.parametrize(
    ("joints", "name"), [(26, "halpe26"), (133, "wholebody133"), (16, "mpii16")]
)
def test_the_number_of_joints_tells_the_format(joints, name):
    instance = {"keypoints": [[5, 6]] * joints, "keypoint_scores": [0.5] * joints}
    assert read([{"frame_id": 0, "instances": [instance]}]).keypoint_format == name


@pytest.mark.parametrize("lines", [False, True])
def test_ultralytics_track_ids_decide(lines):
    def result(track, x):
        points = {"x": [x] * 17, "y": person(x)[:, 1].tolist(), "visible": [0.8] * 17}
        return {"name": "person", "track_id": track, "keypoints": points}

    # They swap places in the file and in the image.
    frames = [[result(1, 10.0), result(2, 900.0)], [result(2, 10.0), result(1, 900.0)]]
    text = "\n".join(map(dumps, frames)) if lines else dumps([frames[0], dumps(frames[1])])
    first, second = read(text, "results.jsonl" if lines else "results.json")
    assert (noses(first), noses(second)) == ([10, 900], [900, 10])


def test_ultralytics_without_visibilities():
    points = {"x": [0.0, *[5.0] * 16], "y": [0.0, *[7.0] * 16]}
    (clip,) = read([[{"keypoints": points}]])
    assert clip.keypoints[0].tolist() == [[0, 0, 0], *[[5, 7, 1]] * 16]


def label(x, joint, *rest):
    return " ".join(map(str, [0, 0.5, 0.5, 0.1, 0.1, *([x, *joint] * 17), *rest]))


def test_ultralytics_labels_are_shares_of_the_image(tmp_path):
    for frame in (1, 3):
        (tmp_path / f"clip_{frame}.txt").write_text(label(0.25, [0.5, 0.9]))
    clips = poselift.read(tmp_path, image_size=(1000, 500))
    assert clips.coordinates == "normalized"
    assert clips[0].first_frame == 1
    assert noses(clips[0]) == [0.25, None, 0.25]
    np.testing.assert_allclose(clips[0].keypoints[0, 0], [0.25, 0.5, 0.9])


@pytest.mark.parametrize("box_confidence", [[], [0.8]])
@pytest.mark.parametrize("joint", [[0.5], [0.5, 0.9]])
def test_ultralytics_labels_keep_the_track_ids(tmp_path, box_confidence, joint):
    for frame, (left, right) in enumerate([(1, 2), (2, 1)]):
        rows = [label(0.1, joint, *box_confidence, left), label(0.9, joint, *box_confidence, right)]
        (tmp_path / f"{frame}.txt").write_text("\n".join(rows))
    first, second = poselift.read(tmp_path)
    assert noses(first) == pytest.approx([0.1, 0.9])
    assert noses(second) == pytest.approx([0.9, 0.1])


def test_a_certain_box_is_no_track(tmp_path):
    for frame, confidence in enumerate((1, 0.9)):
        (tmp_path / f"{frame}.txt").write_text(label(0.1, [0.5, 0.9], confidence))
    (clip,) = poselift.read(tmp_path)
    assert clip.id == "person-0"


def test_alphaposes_other_joints_are_openposes():
    bodies = [{"joints": flat(person(5, 18))}]
    text = json.dumps({"0.jpg": {"version": "AlphaPose v0.3", "bodies": bodies}})
    clips = read(text)
    assert clips.keypoint_format == "openpose_coco18"


def instance(x, y=0, **fields):
    points = person(x)[:, :2] + [0, y]
    return {"keypoints": points.tolist(), "keypoint_scores": [0.9] * 17, **fields}


def test_bare_instances_of_mmpose_are_an_image_or_one_person():
    """17 joints of a person 170 pixels high: who moves little goes on, who is apart is another."""
    clips = read([instance(100), instance(400), instance(700)], reader="mmpose")
    assert [clip.first_frame for clip in clips] == [0, 0, 0]
    (clip,) = clips = read([instance(100 + 10 * n) for n in range(8)], reader="mmpose")
    assert noses(clip) == [100 + 10 * n for n in range(8)]
    assert "taken as one person" in clips.notes[0]
    with pytest.raises(poselift.InvalidInput, match="give each a frame_id; of 4 instances"):
        read([instance(100), instance(105), instance(400), instance(405)], reader="mmpose")


def test_bare_instances_of_mmpose_may_tell_their_frames():
    rows = [instance(x, frame_id=n) for n in (3, 4, 7) for x in (100 + n, 500 + n)]
    clips = read(rows, reader="mmpose")
    for clip, x in zip(clips, (100, 500), strict=True):
        assert noses(clip) == [x + 3, x + 4, None, None, x + 7]
    assert not clips.notes
