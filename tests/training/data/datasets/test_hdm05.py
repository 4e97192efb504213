"""HDM05's files, which are held out whole, and which the command for CMU leaves alone."""

from pathlib import Path

import pytest

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
