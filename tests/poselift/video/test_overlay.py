"""Overlays: as many pictures as the video, at its times, with what is drawn where it should be."""

from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import poselift
from poselift.errors import InvalidInput
from poselift.readers.clips import Clip
from poselift.video.canvas import LEFT, RIGHT
from poselift.video.drawn_bones import drawn_bones
from poselift.video.overlay import LiftedPerson, write_overlay
from poselift.video.scene import Scene
from tests.poselift.figures import figure
from tests.poselift.video.made_videos import (
    FPS,
    HEIGHT,
    JOINTS,
    WIDTH,
    made_video,
    person,
    pictures,
)

FRAMES = 16


def lifted(place: int = 0, frames: int = FRAMES, first_frame: int = 0) -> LiftedPerson:
    """One of the people of the videos, with poses that a model would give."""
    numbers = np.arange(first_frame, first_frame + frames)
    keypoints = np.stack([np.c_[person(n, place), np.ones(17)] for n in numbers])
    clip = Clip(f"p{place}", numbers, keypoints.astype(np.float32), "coco17", (WIDTH, HEIGHT), FPS)
    poses = figure({}, frames).counted_from(first_frame).in_axes("camera")
    return LiftedPerson(clip, poses)


def decoded(path: Path) -> tuple[NDArray[np.uint8], list[float]]:
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
    return np.stack([each.to_ndarray(format="rgb24") for each in frames]), [f.time for f in frames]


def share_of(colour: tuple[int, int, int], picture: NDArray[np.uint8]) -> float:
    """The share of pixels that are nearly of a colour."""
    return float((np.abs(picture.astype(int) - colour).max(axis=-1) < 40).mean())


def test_an_overlay_has_the_pictures_and_times_of_its_video(tmp_path: Path) -> None:
    times_s = np.cumsum([0, *[0.02] * 8, *[0.05] * 7])
    video = made_video(tmp_path / "video.mp4", pictures(FRAMES), times_s.tolist())
    assert write_overlay(tmp_path / "out.mp4", [lifted()], video) == FRAMES
    shown, shown_s = decoded(tmp_path / "out.mp4")
    np.testing.assert_allclose(shown_s, times_s, atol=0.001)
    height, width = shown.shape[1:3]
    assert (height % 2, width % 2) == (0, 0)
    left, right = shown[:, :, : round(height * WIDTH / HEIGHT)], shown[:, :, -height // 2 :]
    for colour in (LEFT, RIGHT):
        assert share_of(colour, left) > 0.002
        assert share_of(colour, right) > 0.002


def test_keypoints_are_drawn_on_their_joints(tmp_path: Path) -> None:
    video = made_video(tmp_path / "video.mp4", pictures(FRAMES))
    write_overlay(tmp_path / "out.mp4", [lifted()], video)
    shown, _ = decoded(tmp_path / "out.mp4")
    scale = shown.shape[1] / HEIGHT
    for frame in (0, FRAMES - 1):
        for joint, colour in (("left_wrist", LEFT), ("right_ankle", RIGHT)):
            x, y = np.round(person(frame)[JOINTS.index(joint)] * scale).astype(int)
            assert np.abs(shown[frame, y, x].astype(int) - colour).max() < 40


def test_people_are_drawn_in_their_own_frames(tmp_path: Path) -> None:
    people = [lifted(0), lifted(1, frames=6, first_frame=6)]
    video = made_video(tmp_path / "video.mp4", pictures(FRAMES, people=2))
    assert write_overlay(tmp_path / "out.mp4", people, video) == FRAMES
    shown, _ = decoded(tmp_path / "out.mp4")
    scale = shown.shape[1] / HEIGHT
    x, y = np.round(person(8, 1)[JOINTS.index("left_hip")] * scale).astype(int)
    colours = shown[[2, 8, 14], y, x].astype(int) - LEFT
    assert (np.abs(colours).max(axis=1) < 40).tolist() == [False, True, False]


@pytest.mark.parametrize("ending", [".mp4", ".webp"])
def test_keypoints_without_a_video_are_drawn_on_paper(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"out{ending}"
    count = write_overlay(path, [lifted(first_frame=1_000_000_000)])
    assert count == (FRAMES if ending == ".mp4" else FRAMES // 2)
    if ending == ".webp":
        with Image.open(path) as image:
            assert image.n_frames == count
            assert image.info["loop"] == 0
            image.seek(count - 1)
            shown = np.asarray(image.convert("RGB"))
    else:
        shown = decoded(path)[0][-1]
    assert share_of((250, 250, 251), shown) > 0.2
    assert share_of(LEFT, shown) > 0.003


def test_frames_without_a_pose_have_no_body() -> None:
    poses = figure({}, FRAMES)
    quality = poses.quality.copy()
    quality[10:] = poselift.Quality.UNKNOWN
    scene = Scene({"one": poselift.Poses(poses.poses, quality=quality)}, FPS)
    shares = [share_of(LEFT, np.asarray(scene.draw(n, n / FPS, (200, 240)))) for n in (5, 14)]
    assert shares[0] > 0.005
    assert shares[1] < 0.003  # the legend's word
    unknown = poselift.Poses(poses.poses, quality=np.full_like(quality, poselift.Quality.UNKNOWN))
    assert Scene({"one": unknown}, FPS).draw(3, 0.1, (200, 240)).size == (200, 240)


def test_people_without_trajectories_stand_side_by_side() -> None:
    poses = replace(figure({}, FRAMES), trajectory=None)
    for people, groups in (({"a": poses}, 1), ({"a": poses, "b": poses}, 2)):
        shown = np.asarray(Scene(people, FPS).draw(0, 0, (300, 240)))[:200]
        is_left = np.abs(shown.astype(int) - LEFT).max(axis=-1) < 40
        columns = np.flatnonzero(is_left.any(axis=0))
        assert 1 + (np.diff(columns) > 10).sum() == groups


def test_every_joint_of_every_format_is_drawn_with_a_line() -> None:
    for layout in poselift.FORMATS.values():
        assert {joint for bone in drawn_bones(layout) for joint in bone} == {
            *range(len(layout.joints))
        }


def test_wrong_names_and_no_people_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"a name that ends with \.mp4 or \.webp"):
        write_overlay(tmp_path / "out.gif", [lifted()])
    far = [lifted(), lifted(1, first_frame=2_000_000)]
    with pytest.raises(InvalidInput, match="1000000 frames at most, found 0 to 2000016"):
        write_overlay(tmp_path / "out.mp4", far)
    with pytest.raises(InvalidInput, match="a person to draw"):
        write_overlay(tmp_path / "out.mp4", [])
