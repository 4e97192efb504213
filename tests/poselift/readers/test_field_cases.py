"""Files in forms that people really have."""

import json
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

import poselift

CASES = Path(__file__).parent / "field_cases"


def read(name, folder):
    """A case, of several files in a folder of its own."""
    path = CASES / f"{name}.json"
    if not path.exists():
        path = folder
        files = json.loads((CASES / f"{name}.files.json").read_text())
        for file, content in files.items():
            text = content if isinstance(content, str) else json.dumps(content)
            (folder / file).write_text(text)
    return poselift.read(path)


def noses(clip):
    return clip.keypoints[:, 0, 0]


@pytest.mark.parametrize(
    "name", ["07-alphapose-two-people-cross-idx", "09-openpose-crossing-person_id"]
)
def test_two_people_who_cross_are_two_clips_that_do_not_swap(name, tmp_path):
    clips = read(name, tmp_path)
    assert [len(clip) for clip in clips] == [90, 90]
    for clip in clips:
        steps = np.diff(noses(clip))
        assert (np.sign(steps) == np.sign(steps[0])).mean() > 0.9
        assert np.abs(steps).max() < 30


def test_timestamps_as_names_are_one_clip_in_order_of_time_in_little_memory(tmp_path):
    tracemalloc.start()
    (clip,) = read("05b-alphapose-timestamp-names", tmp_path)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 10e6
    assert len(clip) == 40
    np.testing.assert_allclose(np.diff(clip.timestamps_s), 0.05, rtol=1e-6)
    assert (np.diff(noses(clip)) > 0).all()


def test_two_videos_in_a_folder_are_refused_naming_two_files(tmp_path):
    match = r"one file for each frame, found .*Kick_1_0+_keypoints.json and .*Kick_2_0+_keypoints"
    with pytest.raises(poselift.InvalidInput, match=match):
        read("08-openpose-two-videos-in-one-folder", tmp_path)


@pytest.mark.parametrize(
    ("name", "coordinates"),
    [
        ("15-ultralytics-track-id-from-frame-12", "pixels"),
        ("15b-ultralytics-to_json-normalize-True", "normalized"),
    ],
)
def test_frames_before_the_first_track_id_belong_to_it(name, coordinates, tmp_path):
    clips = read(name, tmp_path)
    (clip,) = clips
    assert (clip.id, clip.first_frame, len(clip)) == ("1", 0, 60)
    assert clips.coordinates == coordinates


@pytest.mark.parametrize(
    ("name", "reader", "size"),
    [
        ("17-comfyui-dwpose-coco18-list", "comfyui", (1920, 1080)),
        ("18-openpose-coco18-old-key", "openpose", None),
    ],
)
def test_openposes_18_joints_are_read(name, reader, size, tmp_path):
    clips = read(name, tmp_path)
    assert (clips.reader, clips.keypoint_format) == (reader, "openpose_coco18")
    assert clips.image_size == size
    assert [len(clip) for clip in clips] == [30]
