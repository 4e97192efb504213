"""The examples of the documents, as they stand there."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np

from tests.models import person_clip

ROOT = Path(__file__).parents[2]


def run(*arguments, cwd):
    done = subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=cwd,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_python_example(service, tmp_path):
    page = (ROOT / "docs" / "clients.md").read_text()
    (code,) = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    (tmp_path / "example.py").write_text(code.replace("http://127.0.0.1:8000", service.url))
    np.save(tmp_path / "keypoints.npy", person_clip(12))
    printed = run("example.py", cwd=tmp_path).splitlines()
    assert printed[-1] == "11 ('0',) (1, 17, 3) True"
    with np.load(tmp_path / "poses.npz") as written:
        assert written["poses"].shape == (12, 17, 3)


def test_the_live_example(service, tmp_path):
    request = ROOT / "examples" / "walking_mediapipe.json"
    printed = run(ROOT / "examples" / "live.py", request, "--url", service.url, cwd=tmp_path)
    assert re.search(r"^frame  149  \S+ +measured .*right wrist [-+]\d", printed, re.MULTILINE)
