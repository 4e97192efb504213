"""Every command line on the command's page runs as it stands there."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving import ServiceProcess, service_process

ROOT = Path(__file__).parents[2]
LINES = re.findall(r"^    poselift (.+)$", (ROOT / "docs" / "command.md").read_text(), re.MULTILINE)
SERVED = "http://127.0.0.1:8000"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the lines run one after another, with the bundled examples."""
    made = tmp_path_factory.mktemp("page")
    shutil.copytree(ROOT / "examples", made / "examples")
    return made


@pytest.fixture(scope="module")
def service(models: Path) -> Iterator[ServiceProcess]:
    settings = {"DEFAULT_MODEL": "symmetric", "LIVE_MODEL": "causal", "THREADS": "1"}
    with service_process(models, **settings) as running:
        yield running


def commands() -> list[str]:
    return [line for line in LINES if "…" not in line and not line.startswith("serve")]


def test_the_page_has_every_subcommand() -> None:
    assert {line.split()[0] for line in LINES} == {
        *("lift", "convert", "models", "readers", "serve", "stream", "bench", "video", "detectors"),
    }


@pytest.mark.parametrize("line", commands())
def test_a_line_of_the_page_runs(line: str, folder: Path, request: pytest.FixtureRequest) -> None:
    if SERVED in line:
        line = line.replace(SERVED, request.getfixturevalue("service").url)
    if line.startswith("bench"):
        line = f"{line} --frames 9 --seconds 0.01"
    done = subprocess.run(
        [sys.executable, "-m", "poselift", *shlex.split(line)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    outputs = re.findall(r"-o (\S+)", line)
    assert all((folder / output).exists() for output in outputs)
