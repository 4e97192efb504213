"""Prepared sets joined, groups of actions, and mixtures of them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from poselift.errors import InvalidInput
from tests.training.motions import motion_set
from training.config.mixture import EVERYDAY_VIDEO, GROUPS, parsed
from training.data.datasets.actions import RULES, cmu_action, group_of
from training.data.datasets.clips import write_arrays
from training.data.datasets.prepared import MotionSet
from training.data.mixture import frame_weights
from training.prepare import main

MOTIONS = motion_set(clips=4)


def other(**changed: object) -> MotionSet:
    """Another set, whose clips, subjects and origin have names of their own."""
    second = motion_set(clips=3, seed=1)
    return replace(
        second,
        names=tuple(f"{name} of two" for name in second.names),
        subjects=tuple(f"{name} of two" for name in second.subjects),
        origin="also made up",
        **changed,
    )


def joined(folder: Path, *sets: MotionSet) -> MotionSet:
    paths = [folder / f"{n}.npz" for n in range(len(sets))]
    for path, motions in zip(paths, sets, strict=True):
        motions.save(path)
    main(["join", *map(str, paths), "--output", str(folder / "all.npz")])
    return MotionSet.load(folder / "all.npz")


def test_joined_sets_keep_everything(tmp_path: Path) -> None:
    first, second = MOTIONS, other()
    whole = joined(tmp_path, first, second)
    assert len(whole) == 7
    np.testing.assert_array_equal(whole.clip(5), second.clip(1))
    assert whole.held_out.tolist() == [*first.held_out, *second.held_out]
    assert whole.names == first.names + second.names
    assert whole.groups == first.groups + second.groups
    assert whole.origin == "made up also made up"


@pytest.mark.parametrize(
    ("second", "said"),
    [
        (replace(other(), fps=60.0), "fps"),
        (replace(other(), names=MOTIONS.names[:3]), "a name of its own"),
        (replace(other(), subjects=("3", "4", "5")), "one side of the split: 3"),
    ],
)
def test_sets_that_do_not_go_together(
    tmp_path: Path, second: MotionSet, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        joined(tmp_path, MOTIONS, second)
    assert said in capsys.readouterr().err


def test_files_without_groups_have_them_by_action(tmp_path: Path) -> None:
    arrays = replace(MOTIONS, actions=("walk", "sit down", "salsa", "juggle")).arrays()
    del arrays["groups"]
    write_arrays(tmp_path / "old.npz", arrays)
    loaded = MotionSet.load(tmp_path / "old.npz")
    assert loaded.groups == ("walking", "sitting", "dance", "everyday")
    arrays["groups"] = np.array(["walking", "sitting", "dance", "juggling"])
    write_arrays(tmp_path / "odd.npz", arrays)
    with pytest.raises(InvalidInput, match="groups"):
        MotionSet.load(tmp_path / "odd.npz")


def test_actions_and_groups() -> None:
    assert set(RULES.values()) <= set(GROUPS) == set(EVERYDAY_VIDEO)
    assert group_of("basketball signal") == "everyday"
    assert group_of("basketball") == "sport"
    assert cmu_action("13_01") == "sit on a stool"
    assert cmu_action("35_17.2") == "run"
    assert cmu_action("35_01") is None


def test_groups_have_the_shares_of_the_mixture() -> None:
    motions = replace(
        MOTIONS,
        groups=("walking", "walking", "sitting", "dance"),
        sources=("amc", "uiprmd", "bvh", "bvh"),
    )
    motions = motions.shortened(0.5).select([0, 0, 0, 0, 1, 2, 3])
    weights = frame_weights(motions, {"walking": 0.3, "sitting": 0.1, "floor": 0.6})
    shares = weights * motions.lengths / motions.lengths.sum()
    np.testing.assert_allclose(shares.sum(), 1, rtol=1e-6)
    np.testing.assert_allclose(shares[:5].sum(), 0.75, rtol=1e-6)
    np.testing.assert_allclose(shares[:4].sum() / shares[4], 2, rtol=1e-6)
    assert shares[6] == 0
    assert (frame_weights(motions, {}) == 1).all()
    with pytest.raises(InvalidInput, match="mixture"):
        frame_weights(motions, {"floor": 1.0})


@pytest.mark.parametrize(
    "shares", [["run=1"], ["floor=x"], ["floor=-1"], ["floor=0"], ["floor=1"] * 2]
)
def test_mixtures_that_are_none(shares: list[str]) -> None:
    with pytest.raises(ValueError, match="expected"):
        parsed(shares)


def test_the_mixture_of_everyday_video() -> None:
    assert sum(parsed(["everyday-video"]).values()) == pytest.approx(1)
    assert parsed(["walking=0.5", "floor=2"]) == {"walking": 0.5, "floor": 2.0}
