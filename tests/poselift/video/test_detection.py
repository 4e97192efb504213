"""Detectors as programs of their own, on videos made here."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

import poselift
from poselift.errors import InvalidInput
from poselift.video.detector_process import DetectorFailed
from tests.poselift.video.made_videos import (
    FPS,
    HEIGHT,
    WIDTH,
    colours,
    ffmpeg,
    made_video,
    person,
    pictures,
    python_detector,
)

FRAMES = 24
HEADER = """
import sys, json
head = json.loads(sys.stdin.buffer.readline())
print(json.dumps({"keypoint_format": "coco17"}), flush=True)
"""
EACH = """
size = head["width"] * head["height"] * 3
n = -1
while len(sys.stdin.buffer.read(size)) == size:
 n += 1
 """


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return colours(tmp_path_factory.mktemp("detectors"))


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_video(tmp_path_factory.mktemp("videos") / "two.mp4", pictures(FRAMES, people=2))


def test_people_are_found_where_they_are(folder: Path, video: Path) -> None:
    told: list[tuple[int, int | None]] = []
    clips = poselift.detect(
        video,
        detector="colours",
        detectors_folder=folder,
        progress=lambda *counts: told.append(counts),
    )
    assert [clip.id for clip in clips] == ["person-0", "person-1"]
    for place, clip in enumerate(clips):
        assert clip.options["image_size"] == (WIDTH, HEIGHT)
        assert clip.options["fps"] == FPS
        assert clip.timestamps_s is None
        expected = np.stack([person(frame, place) for frame in range(FRAMES)])
        np.testing.assert_allclose(clip.keypoints[..., :2], expected, atol=2)  # legs cross
    assert told == [(number + 1, FRAMES) for number in range(FRAMES)]


def test_a_turned_video_is_detected_upright(folder: Path, video: Path, tmp_path: Path) -> None:
    """Stored on its side, with what turns it back."""
    ffmpeg("-i", video, "-vf", "transpose=clock", "-crf", 4, tmp_path / "stored.mp4")
    turned = tmp_path / "turned.mp4"
    ffmpeg("-display_rotation", 90, "-i", tmp_path / "stored.mp4", "-c", "copy", turned)
    (clip, _) = poselift.detect(turned, detector="colours", detectors_folder=folder)
    assert clip.image_size == (WIDTH, HEIGHT)
    np.testing.assert_allclose(clip.keypoints[3, :, :2], person(3), atol=2)


def test_a_variable_rate_gives_timestamps(folder: Path, tmp_path: Path) -> None:
    times_s = np.cumsum([0, *[0.04] * 11, *[0.1] * 12])
    path = made_video(tmp_path / "variable.mp4", pictures(FRAMES), times_s.tolist())
    (clip,) = poselift.detect(path, detector="colours", detectors_folder=folder)
    np.testing.assert_allclose(clip.timestamps_s, times_s, atol=1e-4)
    assert clip.fps == pytest.approx(23 / times_s[-1])


def test_people_seen_briefly_are_left_out_and_told_of(folder: Path, tmp_path: Path) -> None:
    path = made_video(tmp_path / "brief.mp4", [*pictures(3, people=2), *pictures(FRAMES)[3:]])
    clips = poselift.detect(path, detector="colours", detectors_folder=folder)
    assert [clip.id for clip in clips] == ["person-0"]
    assert clips.notes == ("1 people detected in fewer than 6 frames are left out",)
    both = poselift.detect(path, detector="colours", detectors_folder=folder, min_frames=1)
    assert len(both) == 2
    with pytest.raises(InvalidInput, match="a person who is detected in 30 frames"):
        poselift.detect(path, detector="colours", detectors_folder=folder, min_frames=30)


def test_a_detector_is_told_how_many_people_to_look_for(video: Path, tmp_path: Path) -> None:
    code = HEADER + f'open({str(tmp_path / "head")!r}, "w").write(json.dumps(head))'
    python_detector(tmp_path, "curious", code)
    with pytest.raises(DetectorFailed):
        poselift.detect(video, detector="curious", people=3, detectors_folder=tmp_path)
    told = json.loads((tmp_path / "head").read_text())
    size = {"width": WIDTH, "height": HEIGHT, "fps": FPS, "frames": FRAMES}
    assert told == {"poselift_detector": 1, "people": 3, **size}


def test_a_detectors_own_ids_are_kept(video: Path, tmp_path: Path) -> None:
    people = '[{"track_id": 7, "keypoints": [[9, 9, 1]] * 17}]'
    code = HEADER + EACH + f'print(json.dumps({{"frame": n, "people": {people}}}))'
    python_detector(tmp_path, "tracking", code)
    (clip,) = poselift.detect(video, detector="tracking", detectors_folder=tmp_path)
    assert clip.id == "7"
    assert len(clip) == FRAMES


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (
            'raise SystemExit("no weights")',
            "after 0 lines: it ended, exit status 1; it said: no we",
        ),
        ('print("Loading model")', "after 1 lines: expected a JSON object, found 'Loading model'"),
        ("print([1])", "expected a JSON object, found '[1]'"),
        ('print({"keypoint_format": "coco"})'.replace('"', "'"), "expected a JSON object"),
        ('print(\'{"keypoint_format": "coco"}\')', "keypoint_format, one of coco17, "),
        (HEADER, "after 1 lines: it ended after 0 pictures, exit status 0"),
        (HEADER + EACH + 'print(json.dumps({"frame": n + 1}))', "expected frame 0, found 1"),
        (HEADER + EACH + 'print(json.dumps({"frame": n}))', "expected people, a list"),
        (
            HEADER + EACH + "sys.exit('full')",
            "it ended after 0 pictures, exit status 1; it said: full",
        ),
        (
            HEADER + EACH + 'print(json.dumps({"frame": n, "people": []}))\n'
            'print(json.dumps({"frame": n + 1, "people": []}))',
            f"expected frame {FRAMES}, found {FRAMES}",
        ),
    ],
)
def test_what_is_not_the_protocol_is_told(
    code: str, said: str, video: Path, tmp_path: Path
) -> None:
    python_detector(tmp_path, "faulty", code)
    with pytest.raises(DetectorFailed) as failure:
        poselift.detect(video, detector="faulty", detectors_folder=tmp_path)
    assert said in failure.value.detail


@pytest.mark.parametrize(
    ("people", "said"),
    [
        ([{"keypoints": [[1, 2, 1]] * 16}], "joints of coco17, found 16"),
        ([{"keypoints": "none"}], "faulty, frame 0, people[0]: expected numbers x, y and score"),
        ([{"keypoints": [[1e300, 2, 1]] * 17}], "faulty, frame 0, people[0]: expected finite"),
        ([{"keypoints": [[1, 2, 1]] * 17, "track_id": 1}] * 2, "person '1' once in frame 0"),
        ([], "people whom faulty finds, found none"),
    ],
)
def test_what_is_wrong_with_keypoints_is_told(
    people: list[object], said: str, video: Path, tmp_path: Path
) -> None:
    line = f'json.dumps({{"frame": n, "people": json.loads({json.dumps(people)!r})}})'
    python_detector(tmp_path, "faulty", HEADER + EACH + f"print({line})")
    with pytest.raises(InvalidInput) as failure:
        poselift.detect(video, detector="faulty", detectors_folder=tmp_path)
    assert said in failure.value.detail


def test_a_detector_that_is_given_up_is_ended(video: Path, tmp_path: Path) -> None:
    line = 'print(json.dumps({"frame": n, "people": []}), flush=True)'
    code = f'import os; open({str(tmp_path / "pid")!r}, "w").write(str(os.getpid()))\n'
    python_detector(tmp_path, "endless", code + HEADER + EACH + line + "\nwhile True: pass")

    def give_up(_: int, __: int | None) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        poselift.detect(video, detector="endless", detectors_folder=tmp_path, progress=give_up)
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_detectors_that_are_not_installed_are_told(video: Path, folder: Path) -> None:
    with pytest.raises(InvalidInput, match="poselift detectors install mediapipe"):
        poselift.detect(video, detectors_folder=folder)
    with pytest.raises(InvalidInput, match=r"one that is installed \(colours\), found 'rtm'"):
        poselift.detect(video, detector="rtm", detectors_folder=folder)


def test_a_program_that_is_gone_is_told(video: Path, tmp_path: Path) -> None:
    file = tmp_path / "gone" / "detector.json"
    file.parent.mkdir()
    file.write_text(json.dumps({"keypoint_format": "coco17", "command": ["/nowhere/python"]}))
    with pytest.raises(DetectorFailed, match=r"cannot be started: .*/nowhere/python"):
        poselift.detect(video, detector="gone", detectors_folder=tmp_path)
    file.write_text('{"keypoint_format": "coco17"}')
    with pytest.raises(InvalidInput, match="command and keypoint_format"):
        poselift.detect(video, detector="gone", detectors_folder=tmp_path)
