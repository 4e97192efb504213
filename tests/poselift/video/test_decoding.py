"""Pictures of videos against those that FFmpeg's own program shows."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from poselift.errors import InvalidInput
from poselift.video.decoding import Frame, Video, frame_rate, open_video
from tests.poselift.video.made_videos import ffmpeg, made_video, pictures


@pytest.fixture(scope="module")
def pattern(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A second of a test pattern of odd size, with sound."""
    path = tmp_path_factory.mktemp("pattern") / "pattern.mp4"
    source = "testsrc=size=64x49:rate=30:duration=1"
    ffmpeg("-f", "lavfi", "-i", source, "-f", "lavfi", "-i", "sine=duration=1", path)
    return path


def read(path: Path) -> tuple[Video, list[Frame]]:
    with open_video(path) as video:
        return video, list(video.frames())


@pytest.mark.parametrize(
    "shown",
    [
        ["-display_rotation", 90],
        ["-display_rotation", 180],
        ["-display_rotation", 270],
        ["-display_hflip"],
        ["-display_rotation", 90, "-display_hflip"],
    ],
)
def test_pictures_are_upright(shown: list[object], pattern: Path, tmp_path: Path) -> None:
    turned, first = tmp_path / "turned.mp4", tmp_path / "first.png"
    ffmpeg(*shown, "-i", pattern, "-c", "copy", turned)
    ffmpeg("-i", turned, "-frames:v", 1, first)
    video, frames = read(turned)
    expected = np.asarray(Image.open(first).convert("RGB"))
    np.testing.assert_array_equal(frames[0].image_HW3, expected)
    assert video.image_size == (expected.shape[1], expected.shape[0])
    assert len(frames) == 30


def test_pixels_are_made_square(pattern: Path, tmp_path: Path) -> None:
    ffmpeg("-i", pattern, "-vf", "setsar=2", tmp_path / "wide.mp4")
    video, frames = read(tmp_path / "wide.mp4")
    assert video.image_size == (128, 49)
    assert frames[0].image_HW3.shape == (49, 128, 3)


@pytest.mark.parametrize("ending", [".mp4", ".mkv", ".ts", ".avi", ".webm"])
def test_a_constant_rate_is_told(ending: str, pattern: Path, tmp_path: Path) -> None:
    ffmpeg("-i", pattern, "-an", tmp_path / f"video{ending}")
    video, frames = read(tmp_path / f"video{ending}")
    times_T = np.array([frame.time_s for frame in frames])
    assert frame_rate(times_T, video.fps) == (30, True)
    assert [frame.number for frame in frames] == list(range(30))
    assert frames[0].time_s == 0


def test_times_of_a_variable_rate_are_kept(tmp_path: Path) -> None:
    times_s = np.cumsum([0, *[0.04] * 10, *[0.1] * 10, *[0.02] * 9])
    video, frames = read(made_video(tmp_path / "variable.mkv", pictures(30), times_s.tolist()))
    found_T = np.array([frame.time_s for frame in frames])
    np.testing.assert_allclose(found_T, times_s, atol=0.001)  # Matroska rounds to milliseconds
    fps, is_constant = frame_rate(found_T, video.fps)
    assert not is_constant
    assert fps == pytest.approx(29 / times_s[-1], rel=1e-3)


def test_a_recording_that_was_cut_off_gives_what_there_is(tmp_path: Path) -> None:
    whole = made_video(tmp_path / "whole.mkv", pictures(30))
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size * 4 // 5])
    _, frames = read(cut)
    assert 5 < len(frames) < 25
    np.testing.assert_array_equal(frames[5].image_HW3, read(whole)[1][5].image_HW3)


def test_what_cannot_be_decoded_is_told(pattern: Path, tmp_path: Path) -> None:
    ffmpeg("-i", pattern, "-an", "-c:v", "png", tmp_path / "whole.mkv")
    content = bytearray((tmp_path / "whole.mkv").read_bytes())
    middle = content.index(b"\x89PNG", len(content) // 2)
    content[middle : middle + 300] = b"\x00" * 300
    (tmp_path / "broken.mkv").write_bytes(content)
    video, frames = read(tmp_path / "broken.mkv")
    assert len(frames) == 28  # FFmpeg takes the broken picture and the next for one
    assert video.notes == ("1 pieces that cannot be decoded are left out",)
    steps_T = np.diff([frame.time_s for frame in frames])
    assert steps_T.max() == pytest.approx(3 / 30, abs=0.001)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("text.mp4", b"no video\n" * 100),
        ("empty.mp4", b""),
        ("list.m3u8", b"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\npattern.mp4\n"),
        ("list.mp4", b"ffconcat version 1.0\nfile pattern.mp4\n"),
        ("picture.mp4", b"\x89PNG\r\n\x1a\n" + b"\x00" * 100),
    ],
)
def test_what_is_no_video_is_refused(name: str, content: bytes, pattern: Path) -> None:
    path = pattern.with_name(name)
    path.write_bytes(content)
    with pytest.raises(InvalidInput, match=rf"{name}: expected a video"):
        read(path)


def test_sound_alone_is_refused(pattern: Path, tmp_path: Path) -> None:
    ffmpeg("-i", pattern, "-vn", tmp_path / "sound.mp4")
    cover, covered = tmp_path / "cover.png", tmp_path / "covered.m4a"
    ffmpeg("-i", pattern, "-frames:v", 1, cover)
    inputs = ("-i", tmp_path / "sound.mp4", "-i", cover, "-map", 0, "-map", 1)
    ffmpeg(*inputs, "-c", "copy", "-disposition:v", "attached_pic", covered)
    for path in (tmp_path / "sound.mp4", covered):
        with pytest.raises(InvalidInput, match="a stream of pictures, found none"):
            read(path)


def test_a_missing_file_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "none.mp4")


def test_videos_are_bounded(pattern: Path, tmp_path: Path) -> None:
    with (
        pytest.raises(InvalidInput, match=r"a video of 0.5 s at most, found 1"),
        open_video(pattern, most_seconds=0.5),
    ):
        pass
    huge = tmp_path / "huge.avi"
    ffmpeg("-f", "lavfi", "-i", "color=size=8192x4400", "-frames:v", 1, "-c:v", "mjpeg", huge)
    with pytest.raises(InvalidInput, match="33177600 pixels at most, found 8192 x 4400"):
        read(huge)
    square = ("-f", "lavfi", "-i", "color=size=1000x1000", "-frames:v", 1)
    ffmpeg(*square, "-vf", "setsar=40", tmp_path / "wide.mp4")
    with pytest.raises(InvalidInput, match="33177600 pixels at most, found 40000 x 1000"):
        read(tmp_path / "wide.mp4")


def test_a_length_that_is_not_told_is_bounded_too(pattern: Path, tmp_path: Path) -> None:
    untold = tmp_path / "untold.h264.mkv"
    ffmpeg("-i", pattern, "-an", "-c:v", "libx264", "-f", "matroska", "-live", 1, untold)
    with (
        pytest.raises(InvalidInput, match=r"a video of 0.5 s at most"),
        open_video(untold, most_seconds=0.5) as video,
    ):
        list(video.frames())
