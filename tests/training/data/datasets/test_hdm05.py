"""HDM05's files, which are held out whole, and which the command for CMU leaves alone."""

from pathlib import Path

import numpy as np
import pytest

from tests.training.data.datasets.test_knees import standing_set
from training.data.datasets.body import POINTS
from training.data.datasets.hdm05 import knee_is_behind
from training.data.datasets.prepared import MotionSet
from training.prepare import main


@pytest.fixture
def actor(tmp_path: Path, person_texts: tuple[str, str, str]) -> Path:
    folder = tmp_path / "hdm05"
    folder.mkdir()
    asf, amc, _ = person_texts
    (folder / "HDM_bd.asf").write_text(asf)
    for name in ("squat1Reps_001", "lieDownFloor_002", "juggle_003"):
        (folder / f"HDM_bd_{name}_120.amc").write_text(amc)
    return folder


def test_all_is_held_out(tmp_path: Path, actor: Path) -> None:
    main(["hdm05", "--source", str(actor), "--output", str(tmp_path / "out.npz")])
    found = MotionSet.load(tmp_path / "out.npz")
    assert found.held_out.all()
    assert found.actions == ("juggle", "lie down", "squat")
    assert found.groups == ("everyday", "floor", "exercise")
    assert set(found.subjects) == {"HDM05 bd"}
    assert "CC BY-SA" in found.origin


def test_cmu_does_not_read_it(
    tmp_path: Path, actor: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["cmu", "--source", str(actor), "--output", str(tmp_path / "out.npz")])
    assert "at least one usable" in capsys.readouterr().err


@pytest.mark.parametrize("turn", [0.0, 2.0])
def test_a_bent_knee_behind_the_pelvis_is_found(turn: float) -> None:
    points = standing_set(5).positions.astype(np.float64)
    c, s = np.cos(turn), np.sin(turn)
    points = points @ np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]).T
    assert not knee_is_behind(points, "left").any()
    assert not knee_is_behind(points, "right").any()
    hip, knee, foot = (POINTS.index(f"left_{joint}") for joint in ("hip", "knee", "foot"))
    along = points[:, foot] - points[:, hip]
    along /= np.linalg.norm(along, axis=-1, keepdims=True)
    middle = points[:, hip] + along * np.sum(
        (points[:, knee] - points[:, hip]) * along, axis=-1, keepdims=True
    )
    points[:, knee] = 2 * middle - points[:, knee]  # the same leg, turned by half a circle
    found = knee_is_behind(points, "left")
    assert found[400]  # at the bottom of the squat
    assert not found[:150].any()  # standing
    assert not knee_is_behind(points, "right").any()
