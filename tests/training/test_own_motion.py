"""The way of docs/your-own-motion.md, line by line, with a toy-size network."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from poselift.card import Card
from poselift.runtime.clip import ClipModel
from tests.serving import service_process
from tests.training.data.datasets.c3d_files import write_c3d
from tests.training.data.datasets.marked_person import person

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "your-own-motion.md"
LINES = re.findall(r"^    (.+)$", PAGE.read_text(), re.MULTILINE)
SERVES = "POSELIFT_MODELS_DIR=models python -m service"
TOY = {"EPOCHS": "1", "CHANNELS": "8", "FILTER_WIDTHS": "3,3", "BATCH_SIZE": "64", "THREADS": "1"}


def run(line: str, folder: Path) -> None:
    python, *words = shlex.split(line)
    assert python == "python"
    toy = {f"POSELIFT_TRAINING_{name}": value for name, value in TOY.items()}
    done = subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        env={**os.environ, **toy, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{line}: {done.stderr[-2000:]}"


@pytest.mark.timeout(900)
def test_from_c3d_files_to_a_served_model(tmp_path: Path) -> None:
    for name in ("anna/squat", "ben/squat", "ben/again"):
        file = tmp_path / "mocap" / f"{name}.c3d"
        file.parent.mkdir(parents=True, exist_ok=True)
        write_c3d(file, person(len(name) * 40, fps=100.0)[1])
    (tmp_path / "examples").mkdir()
    shutil.copy(ROOT / "examples" / "walking_mediapipe.json", tmp_path / "examples")

    before, after = LINES[: LINES.index(SERVES)], LINES[LINES.index(SERVES) + 1 :]
    for line in before:
        run(line, tmp_path)
    card: Card = ClipModel.load(tmp_path / "models" / "mine", "cpu").card
    assert card.licence == "ours"
    assert card.training.held_out_errors["clean MPJPE"] > 0
    with service_process(tmp_path / "models") as service:
        for line in after:
            run(line.replace("http://127.0.0.1:8000", service.url), tmp_path)
    assert (tmp_path / "mine.bvh").read_text() == (tmp_path / "served.bvh").read_text()
