from pathlib import Path

import numpy as np
import pytest

from poselift.errors import InvalidInput
from training.data.datasets.body import POINTS, points_of
from training.data.datasets.cmu import find_clips
from training.data.datasets.preparation import check, find_jumps, height_m, pieces


@pytest.fixture
def points(write_person) -> np.ndarray:
    (clip,) = find_clips(write_person("01", frames=600))
    return points_of(clip.read())[0]


def test_a_person_passes(points: np.ndarray) -> None:
    check(points, 120.0)
    assert 1.4 < height_m(points) < 1.7
    assert find_jumps(points, 120.0) == []
    assert pieces(points, [], 120.0) == [slice(0, 600)]


def longer_shin(points: np.ndarray) -> None:
    points[:, POINTS.index("left_foot"), 1] -= 0.4


def stretching_arm(points: np.ndarray) -> None:
    points[:, POINTS.index("right_wrist"), 0] += np.linspace(0, 0.05, len(points))


def lost(points: np.ndarray) -> None:
    points[17, POINTS.index("nose")] = np.nan


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (longer_shin, "left shank: expected 0.3 to 0.55 m"),
        (stretching_arm, "right forearm, frame"),
        (lost, "frame 17, nose: expected finite"),
    ],
)
def test_errors_name_the_place(points: np.ndarray, change, words: str) -> None:
    change(points)
    with pytest.raises(InvalidInput, match=words):
        check(points, 120.0)


@pytest.mark.parametrize(("scale", "words"), [(1.45, "m, found"), (0.6, "m, found")])
def test_people_too_large_or_too_small(points: np.ndarray, scale: float, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        check(points * scale, 120.0)


def test_a_very_short_clip_is_refused(points: np.ndarray) -> None:
    with pytest.raises(InvalidInput, match=r"length: expected at least 0\.5 s, found 30 frames"):
        check(points[:30], 120.0)


def test_a_jump_is_cut_out_with_a_margin(points: np.ndarray) -> None:
    points[300:, POINTS.index("left_knee")] += 0.3
    (jump,) = find_jumps(points, 120.0)
    assert "left_knee" in jump.reason
    assert (jump.first, jump.last) == (293, 306)
    assert pieces(points, [jump], 120.0) == [slice(0, 293), slice(307, 600)]


def test_frames_between_near_jumps_are_cut_too(points: np.ndarray) -> None:
    points[200:300, POINTS.index("left_knee")] += 0.3
    (jump,) = find_jumps(points, 120.0)
    assert (jump.first, jump.last) == (193, 306)


def test_pieces_too_short_are_dropped(points: np.ndarray) -> None:
    points[40:, POINTS.index("left_knee")] += 0.3
    jumps = find_jumps(points, 120.0)
    assert pieces(points, jumps, 120.0) == [slice(47, 600)]


def test_a_file_at_rest_in_front(tmp_path: Path, person_texts) -> None:
    (tmp_path / "01_01.bvh").write_text(person_texts[2])
    (clip,) = find_clips(tmp_path)
    assert len(clip.read().positions_TJ3) == 200
