"""The models that ship, on keypoints that real detectors found in real videos."""

import json
import subprocess
import sys
import urllib.request
from pathlib import Path

import numpy as np
import pytest

from poselift.runtime.clip import ClipModel
from tests.serving import service_process

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
MODELS = ROOT / "poselift" / "models"
NAMES = {"symmetric243": False, "causal243": True, "causal243-light": True}
"""Which of them are causal."""


@pytest.fixture(scope="module")
def url():
    with service_process(MODELS) as service:
        yield service.url


def lift(url, body):
    call = urllib.request.Request(
        f"{url}/v1/lift", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(call) as answer:
        return json.load(answer)


@pytest.mark.parametrize(("name", "causal"), NAMES.items())
def test_the_cards_of_the_shipped_models(name, causal):
    card = ClipModel.load(MODELS / name, "cpu").card
    assert card.name == name
    assert card.architecture.causal is causal
    assert card.architecture.receptive_field == 243
    assert card.input.keypoint_format == "coco17"
    assert card.output.name == "h36m17"
    assert card.licence == "Apache-2.0"
    assert card.training.seed == 0
    assert card.training.recipe.startswith("training/default_models.sh")
    assert card.training.cost
    assert "mocap.cs.cmu.edu" in card.training.data
    errors = card.training.held_out_errors
    for condition in ("clean", "noisy"):
        for metric in ("MPJPE", "P-MPJPE", "MPJVE"):
            assert errors[f"{condition} {metric}"] > 0


def test_a_real_trial_is_lifted_from_each_camera(url):
    """Against the triangulation of all four cameras, P-MPJPE over the twelve limb joints."""
    printed = subprocess.run(
        [sys.executable, EXAMPLES / "balancing.py", "--url", url],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(ROOT)},
    ).stdout
    mean = float(printed.split()[-2])
    assert mean <= 75


def test_mediapipe_keypoints_of_a_video_are_lifted(url):
    """No person is in the first frames; then one walks, with legs of constant length."""
    body = json.loads((EXAMPLES / "walking_mediapipe.json").read_text())
    answer = lift(url, body)
    keypoints, (clip,) = body["clips"][0]["keypoints"], answer["clips"]
    first = next(i for i, frame in enumerate(keypoints) if frame is not None)
    assert first > 0
    assert clip["poses"][:first] == [None] * first
    assert clip["quality"][:first] == ["unknown"] * first
    poses = np.array(clip["poses"][first:])
    assert len(poses) == len(keypoints) - first
    joints = answer["skeleton"]["joints"]
    at = {joint: poses[:, index] for index, joint in enumerate(joints)}
    for side in ("left", "right"):
        thigh = np.linalg.norm(at[f"{side}_hip"] - at[f"{side}_knee"], axis=-1)
        assert 0.3 < np.median(thigh) < 0.5
    # y is down: heads are above hips, feet below.
    assert np.median(at["head"][:, 1]) < -0.4
    assert np.median(at["left_foot"][:, 1]) > 0.5


@pytest.mark.parametrize("model", ["default", "live"])
def test_the_picture_in_the_readme_can_be_drawn(url, tmp_path, model):
    request = EXAMPLES / "balancing" / "cam01.json"
    answer = lift(url, {**json.loads(request.read_text()), "model": model})
    (tmp_path / "answer.json").write_text(json.dumps(answer))
    subprocess.run(
        [
            sys.executable,
            EXAMPLES / "draw.py",
            request,
            tmp_path / "answer.json",
            tmp_path / "picture.png",
        ],
        check=True,
    )
    assert (tmp_path / "picture.png").stat().st_size > 20_000


def test_the_page_names_the_versions_of_the_shipped_models():
    page = (ROOT / "MODELS.md").read_text()
    for name in NAMES:
        assert f"`{name}` {ClipModel.load(MODELS / name, 'cpu').card.version}" in page
    assert {folder.name for folder in MODELS.iterdir() if folder.is_dir()} == set(NAMES)
