"""The scenarios over every transport: the same answers, and the same refusals naming the place."""

import numpy as np
import pytest

from tests.contract.scenarios import BAD, EVERY, GOOD, ODD, Bad, Good, request
from tests.contract.transports import Outcome, Transport

AGREEMENT_M = 1e-4


@pytest.mark.parametrize("scenario", GOOD, ids=lambda scenario: scenario.name)
def test_every_transport_gives_the_same_answer(
    transports: dict[str, Transport], scenario: Good
) -> None:
    outcomes = {name: transports[name].lift(scenario.request) for name in EVERY}
    reference = outcomes["json"]
    for outcome in outcomes.values():
        check_answers(outcome, scenario)
        assert outcome.about == reference.about
        assert outcome.warnings == reference.warnings
        for clip, same in zip(outcome.clips, reference.clips, strict=True):
            assert (clip.id, clip.quality) == (same.id, same.quality)
            assert (clip.joint_quality, clip.first_frame) == (same.joint_quality, same.first_frame)
            np.testing.assert_allclose(clip.poses, same.poses, atol=AGREEMENT_M)
            assert (clip.trajectory is None) == (same.trajectory is None)
            if clip.trajectory is not None:
                np.testing.assert_allclose(clip.trajectory, same.trajectory, atol=AGREEMENT_M)
            assert (clip.expected_errors is None) == (same.expected_errors is None)
            if clip.expected_errors is not None:
                np.testing.assert_allclose(clip.expected_errors, same.expected_errors, atol=1e-3)


def check_answers(outcome: Outcome, scenario: Good) -> None:
    """Whether an outcome has the shape that the request calls for."""
    assert outcome.slug == "ok", outcome.detail
    assert outcome.about["model"] == scenario.model
    assert outcome.about["units"] == "metres"
    assert outcome.about["axes"] == scenario.request.get("axes", "camera")
    clips = scenario.request["clips"]
    assert [clip.id for clip in outcome.clips] == [
        clip.get("id", str(index)) for index, clip in enumerate(clips)
    ]
    for lifted, clip in zip(outcome.clips, clips, strict=True):
        frames = len(clip["keypoints"])
        assert lifted.poses.shape == (frames, len(outcome.about["joints"]), 3)
        assert len(lifted.quality) == len(lifted.joint_quality) == frames
        assert lifted.first_frame == clip.get("first_frame", 0)
        unknown = np.array([quality == "unknown" for quality in lifted.quality])
        assert (np.isfinite(lifted.poses).all(axis=(1, 2)) == ~unknown).all()
        assert not lifted.poses[~unknown, 0].any()
        assert (lifted.trajectory is not None) == (scenario.model == "rooted")
        assert (lifted.expected_errors is not None) == (scenario.model == "rooted")


@pytest.mark.parametrize(
    ("over", "scenario"),
    [
        pytest.param(over, scenario, id=f"{scenario.name}, {over}")
        for scenario in BAD
        for over in scenario.over
    ],
)
def test_bad_input_is_refused_by_place(
    transports: dict[str, Transport], over: str, scenario: Bad
) -> None:
    outcome = transports[over].lift(scenario.request)
    assert outcome.slug == scenario.slug, outcome.detail
    if scenario.where:
        assert outcome.places[0] == scenario.where
        assert scenario.where in outcome.detail
        assert all(error["expected"] for error in outcome.errors)
    assert len(outcome.detail) <= 1_001
    assert transports[over].lift(request()).slug == "ok"


@pytest.mark.parametrize("over", EVERY)
@pytest.mark.parametrize("scenario", ODD, ids=lambda scenario: scenario.name)
def test_odd_input_never_fails(transports: dict[str, Transport], over: str, scenario: Good) -> None:
    outcome = transports[over].lift(scenario.request)
    assert outcome.slug in {"ok", "invalid"}
    for clip in outcome.clips:
        assert np.isfinite(clip.poses).all()
