"""Predictions in a file, and animations of them."""

import subprocess
from dataclasses import replace
from itertools import pairwise

import imageio_ffmpeg
import numpy as np
import pytest
from imageio import v2 as imageio
from PIL import Image

from poselift.errors import InvalidInput
from poselift.formats import FORMATS
from poselift.reference_pose import REFERENCE_POSE
from poselift.skeletons import H36M17
from training.command import command_line, run
from training.evaluation.animation import COLOURS, cut, find_clip
from training.evaluation.clip_errors import Predictions
from training.render import render_predictions

FRAMES = 6


def standing(joints):
    """A standing person (joints, 3), relative to the hips: x right, y down, z away; metres."""
    places = np.array([REFERENCE_POSE.get(joint, (0.0, -0.5)) for joint in joints]) * 1.7
    return np.column_stack([places, np.zeros(len(joints))])


def predictions(keypoint_format="coco17", fps=25.0):
    """Two clips of people who turn; of the second true poses and trajectory are unknown."""
    angles = np.linspace(0, 2, 2 * FRAMES)
    cos, sin, zero, one = np.cos(angles), np.sin(angles), 0 * angles, 0 * angles + 1
    turns = np.array([[cos, zero, -sin], [zero, one, zero], [sin, zero, cos]]).transpose(2, 0, 1)
    poses = (standing(H36M17.joints) @ turns).astype(np.float32)
    poses -= poses[:, :1]
    targets = poses + np.float32(0.02)
    path = np.column_stack([angles, zero, 4 + angles]).astype(np.float32)
    targets[FRAMES:] = path[FRAMES:] = np.nan
    keypoints_TJ3 = standing(FORMATS[keypoint_format].joints) @ turns
    return Predictions(
        names=("walk $1", "turn"),
        clip_ends=np.array([FRAMES, 2 * FRAMES]),
        keypoints=keypoints_TJ3[..., :2].astype(np.float32),
        poses=poses,
        targets=targets,
        trajectory=path,
        fps=fps,
        keypoint_format=keypoint_format,
        skeleton="h36m17",
    )


@pytest.fixture
def saved(tmp_path):
    predictions().save(tmp_path / "predictions.npz")
    return tmp_path / "predictions.npz"


def render(path, output, *options):
    arguments = [str(path), "--output", str(output), *map(str, options)]
    run(command_line("training.render", render_predictions), arguments)


def images_of(path, folder):
    """A video's images, and how many seconds it takes.

    By ffmpeg itself: imageio's reader forgets to close its pipes, which the tests would report.
    """
    folder.mkdir()
    ffmpeg = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", path]
    subprocess.run([*ffmpeg, "-fps_mode", "passthrough", folder / "%03d.png"], check=True)
    images = [np.asarray(imageio.imread(image)) for image in sorted(folder.iterdir())]
    return images, imageio_ffmpeg.count_frames_and_secs(path)[1]


def durations_ms(path):
    with Image.open(path) as image:
        assert image.info["loop"] == 0  # for ever
        times = []
        for frame in range(image.n_frames):
            image.seek(frame)
            times.append(image.info["duration"])
    return times


def coloured(image, colour):
    """The columns of the pixels that look like one of matplotlib's colours."""
    distance = np.abs(image.astype(int) - colour).sum(axis=2)
    return np.nonzero(distance < 60)[1]


def test_predictions_are_read_from_their_file(saved):
    expected, found = predictions(), Predictions.load(saved)
    for name in ("clip_ends", "keypoints", "poses", "targets", "trajectory"):
        values = getattr(found, name)
        assert values.dtype == getattr(expected, name).dtype
        np.testing.assert_array_equal(values, getattr(expected, name))
    for name in ("names", "fps", "keypoint_format", "skeleton"):
        assert getattr(found, name) == getattr(expected, name)
    assert [found.frames(n) for n in range(len(found))] == [slice(0, 6), slice(6, 12)]


@pytest.mark.parametrize(
    ("array", "wrong"),
    [
        ("keypoints", np.zeros((12, 16, 2), np.float32)),
        ("keypoints", np.full((12, 17, 2), np.nan, np.float32)),
        ("poses", np.float32(0)),
        ("poses", np.zeros((12, 17, 3), np.int64)),
        ("targets", np.zeros((11, 17, 3), np.float32)),
        ("trajectory", np.zeros((12, 2), np.float32)),
        ("clip_ends", np.array([6, 11])),
        ("names", ("one",)),
        ("fps", 0.0),
        ("keypoint_format", "coco18"),
        ("skeleton", "unknown"),
    ],
)
def test_errors_in_a_file_are_named(tmp_path, array, wrong):
    path = tmp_path / "wrong.npz"
    replace(predictions(), **{array: wrong}).save(path)
    with pytest.raises(InvalidInput, match=f"{path}, {array}: expected"):
        Predictions.load(path)


def test_a_video(saved, tmp_path, capsys):
    output = tmp_path / "made" / "walk.mp4"
    render(saved, output, "--clip", "walk $1", "--width", 480)
    assert capsys.readouterr().out == f"{output}: 6 frames of walk $1, 25 a second\n"
    images, seconds = images_of(output, tmp_path / "images")
    assert seconds == pytest.approx(FRAMES / 25)
    assert len(images) == FRAMES
    # Three panels; every number of pixels is even.
    assert {image.shape for image in images} == {(180, 480, 3)}
    changes = [
        np.abs(np.diff(np.stack(pair).astype(int), axis=0)).max() for pair in pairwise(images)
    ]
    assert min(changes) > 50
    assert [path.name for path in output.parent.iterdir()] == ["walk.mp4"]


def test_a_gif_without_true_poses(saved, tmp_path):
    output = tmp_path / "turn.GIF"
    render(saved, output, "--clip", 1, "--width", 321, "--fps", 30)
    images = [image[..., :3] for image in imageio.mimread(output)]
    assert len(images) == FRAMES  # the first is shown for two frames
    assert {image.shape for image in images} == {(180, 320, 3)}
    assert (images[0] != images[-1]).any()
    assert durations_ms(output) == [70, 30, 30, 40, 30, 30]


def test_left_and_right_in_the_image_agree_with_the_pose_from_the_camera(saved, tmp_path):
    output = tmp_path / "turn.gif"
    options = "--clip", 0, "--width", 480, "--seconds", 0.04, "--azimuth", 0
    render(saved, output, *options)
    image = imageio.mimread(output)[0][..., :3]
    blue, red = (31, 119, 180), (214, 39, 40)
    assert (COLOURS["left"], COLOURS["right"]) == ("tab:blue", "tab:red")
    facing = predictions().keypoints[0, FORMATS["coco17"].joints.index("left_hip"), 0] > 0
    for panel in np.split(image, 3, axis=1):
        lefts, rights = coloured(panel, blue), coloured(panel, red)
        assert len(lefts) > 20
        assert len(rights) > 20
        assert (lefts.mean() > rights.mean()) == facing


def test_slow_and_fast_animations_show_the_same_time():
    clips = predictions()
    slow = cut(clips, 0, 0.04, 10, rate=12.5)
    np.testing.assert_allclose(slow.times_s, [0.04, 0.12])
    np.testing.assert_array_equal(slow.keypoints, clips.keypoints[[1, 3]])
    fast = cut(clips, 1, 0, 0.12, rate=50)
    np.testing.assert_allclose(fast.times_s, np.array([0, 0, 1, 1, 2, 2]) / 25)
    np.testing.assert_array_equal(fast.keypoints, clips.keypoints[[6, 6, 7, 7, 8, 8]])


def test_a_pose_moves_along_its_trajectory_and_is_upright():
    clips = predictions()
    moving = cut(clips, 0, 0.08, 10, rate=25).poses["predicted"]
    x, y, z = (clips.trajectory[2:FRAMES] - clips.trajectory[2]).T
    np.testing.assert_allclose(moving[:, 0], np.column_stack([x, z, -y]), atol=1e-6)
    assert (moving[:, H36M17.joints.index("head"), 2] > 0.3).all()
    still = cut(clips, 1, 0, 10, rate=25).poses
    assert list(still) == ["predicted"]
    np.testing.assert_array_equal(still["predicted"][:, 0], 0)


def test_the_tree_connects_keypoints_that_are_its_joints():
    assert cut(predictions("h36m17"), 0, 0, 1, rate=25).keypoint_bones == list(H36M17.bones)
    assert cut(predictions(), 0, 0, 1, rate=25).keypoint_bones == FORMATS["coco17"].bones


def test_partly_known_poses_and_loose_keypoints_are_drawn(tmp_path):
    clips = predictions("wholebody133")
    clips.targets[2] = np.nan
    clips.targets[:, 5] = np.nan
    clips.save(tmp_path / "partly.npz")
    output = tmp_path / "partly.gif"
    render(tmp_path / "partly.npz", output, "--clip", 0, "--width", 160)
    assert len(imageio.mimread(output)) == FRAMES


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ("--clip", "run"),
            "--clip: expected a number from 0 to 1, or a name such as walk $1, turn",
        ),
        (("--clip", "2"), "found 2"),
        (("--clip", "0", "--start-s", "0.24"), "--start-s: expected less than the clip's 0.24 s"),
        (("--clip", "0", "--output", "x.avi"), "expected a name that ends in .mp4 or .gif"),
    ],
)
def test_user_errors_are_one_line(capsys, saved, tmp_path, options, message):
    output = tmp_path / "x.gif"
    with pytest.raises(SystemExit, match=r"^[12]$"):
        render(saved, output, *options)
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
    assert not output.exists()


def test_many_clips_are_not_all_listed():
    names = tuple(map("clip {}".format, range(12)))
    with pytest.raises(InvalidInput, match=r"clip 0, .*clip 4, \.\.\.; found x"):
        find_clip(replace(predictions(), names=names), "x")
    assert find_clip(replace(predictions(), names=("1", "0")), "0") == 1
