"""Files that were read wrongly without a word, and such that are no detector's at all."""

import json
from io import BytesIO

import numpy as np
import pytest

import poselift
from poselift.readers.detections import Rows
from poselift.readers.people import group_people
from poselift.readers.source import Source
from tests.poselift.readers import detector_examples as good
from tests.poselift.readers.example import flat, walker

COCO = walker()[0]
PIPE = walker(keypoint_format="mediapipe33")[0, :, :2]
SHARES = PIPE / [1920, 1080]
HUGE = 10**400


def read(content, name="file.json", **options):
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return poselift.read(Source.of_bytes(name, body), **options)


def landmarks(places, **more):
    return [{"x": float(x), "y": float(y), **more} for x, y in places]


def numpy_file(save, *arrays, **named):
    file = BytesIO()
    save(file, *arrays, **named)
    return file.getvalue()


@pytest.mark.parametrize("idx", [0, [0.0], -1])
def test_alphapose_without_tracking_gives_nobody_an_id(idx):
    people = good.alphapose(2, idx=idx)
    assert {clip.id for clip in read(people)} == {"person-0", "person-1"}


def test_alphaposes_person_0_among_others_has_an_id():
    first, *others = good.alphapose(1, idx=0)
    assert [clip.id for clip in read([first, *({**each, "idx": 1} for each in others)])] == [
        "0",
        "1",
    ]


def test_landmarks_far_below_the_image_are_shares_of_it():
    far = SHARES.copy()
    far[25:, 1] += 1.5
    assert read([landmarks(far, visibility=0.9)] * 3).coordinates == "normalized"


def test_coordinates_from_minus_one_are_not_taken_as_shares_of_the_image():
    people = [{"pose_keypoints_2d": flat((COCO - [960, 540, 0]) / [960, 540, 1])}]
    assert read({"version": 1.3, "people": people}, "a_0.json").coordinates == "pixels"


def test_numbers_before_landmarks_are_not_their_x():
    numbered = [[number, *map(float, place)] for number, place in enumerate(PIPE)]
    (clip,) = read([numbered] * 3)
    assert np.allclose(clip.keypoints[0, :, :2], PIPE, atol=0.01)


def test_numbers_before_keypoints_are_refused():
    numbered = [[number, x / 1920, y / 1080] for number, (x, y, _) in enumerate(COCO.tolist())]
    with pytest.raises(poselift.InvalidInput, match="the first number counts the joints"):
        read([numbered] * 3)


def test_a_list_of_fewer_landmarks_is_not_mediapipes():
    with pytest.raises(poselift.InvalidInput, match=r"33 landmarks, or fewer with .* found 17"):
        read([landmarks(COCO[:, :2], visibility=0.9)] * 3)


def test_two_frames_of_one_number_are_refused():
    frames = {"frame_1": landmarks(PIPE, z=0), "1": landmarks(PIPE, z=0)}
    with pytest.raises(poselift.InvalidInput, match="'frame_1' and '1'"):
        read(frames, reader="mediapipe")
    with pytest.raises(poselift.InvalidInput, match=r"\[4\]: expected each frame_id once"):
        read([*good.mmpose_video(), *good.mmpose_video()])


def test_images_of_two_sizes_are_refused():
    frames = [{**each, "canvas_width": 500 + place} for place, each in enumerate(good.dwpose())]
    with pytest.raises(poselift.InvalidInput, match="images of one size, found 500 x"):
        read(frames)


def test_two_clips_of_one_id_are_not_one_person():
    clips = [{"id": "a", "first_frame": at, "keypoints": [COCO.tolist()]} for at in (0, 5)]
    with pytest.raises(poselift.InvalidInput, match=r"clips\[1\].id: expected another"):
        read({"clips": clips})


@pytest.mark.parametrize(
    "content",
    [
        {"clips": [{"id": [1], "keypoints": [COCO.tolist()]}]},
        {"clips": [{"keypoints": [5]}]},
        {"clips": [{"keypoints": [COCO.tolist()]}], "coordinates": [1]},
        {"clips": [{"keypoints": [COCO.tolist()]}], "keypoint_format": [1]},
        {"clips": [{"keypoints": [COCO.tolist()]}], "fps": HUGE},
        {"version": 1, "canvas_width": HUGE, "canvas_height": 1, "people": []},
        [{"timestamp_ms": HUGE, "landmarks": landmarks(SHARES, z=0)}],
        [[{"x": HUGE, "y": 1, "z": 0}] * 33],
        {"9" * 5000: landmarks(SHARES, z=0)},
    ],
)
def test_values_of_a_wrong_kind_or_size_are_refused(content):
    with pytest.raises(poselift.InvalidInput):
        read(content)


def test_sizes_that_are_none_are_left_out():
    content = good.annotations()
    content["images"] = [{**image, "width": [1]} for image in content["images"]]
    assert read(content).image_size is None


def test_a_name_of_many_digits_is_no_frame_number():
    results = good.alphapose()
    results[-1]["image_id"] = "1" * 5000 + ".jpg"
    assert len(read(results)[0]) == len(results)


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("a.npy", (0, 17, 2)),
        ("a.npy", (5, 0, 17, 3)),
        ("mediapipe2dData_numCams_numFrames_pixelXY.npy", (10**9, 0, 33, 2)),
    ],
)
def test_arrays_of_nothing_are_refused(name, shape):
    with pytest.raises(poselift.InvalidInput):
        read(numpy_file(np.save, np.zeros(shape)), name)


def test_a_frame_rate_may_be_an_array_of_one():
    content = numpy_file(np.savez, keypoints=walker(), fps=np.array([25.0]))
    assert read(content, "a.npz").fps == 25


def test_people_who_come_and_go_in_every_frame_are_bounded():
    rows = Rows()
    for frame in range(10):
        for person in range(60):
            rows.add(frame, COCO + np.float32([1e4 * person + 1e6 * frame, 0, 0]), "here")
    with pytest.raises(poselift.InvalidInput, match="500 people within 1 s at most"):
        group_people(rows.detections("coco17"), "coco17")


def test_many_names_that_are_one_long_text_are_bounded(tmp_path, monkeypatch):
    h5py = pytest.importorskip("h5py")
    monkeypatch.setattr("poselift.readers.hdf5.MOST_BYTES", 10_000)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["tracks"] = np.zeros((1, 2, 20, 3))
        file["node_names"] = np.array(["a" * 1000] * 20, object)
    with pytest.raises(poselift.InvalidInput, match=r"names of .* in all at most"):
        poselift.read(tmp_path / "a.h5")


def test_a_long_number_of_a_deeplabcut_row_is_no_frame_number():
    sides = ("left", "right")
    limbs = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
    parts = [f"{side}_{joint}" for side in sides for joint in limbs for _ in "xy"]
    lines = [["scorer", *["s"] * 24], ["bodyparts", *parts], ["coords", *"xy" * 12]]
    lines += [["9" * 400, *["5.0"] * 24], ["3", *["6.0"] * 24]]
    content = "\n".join(map(",".join, lines)).encode()
    assert len(read(content, "a.csv")[0]) == 2
