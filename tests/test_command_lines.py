"""Every command line of the documents runs as it stands there, or it is said what runs it."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from poselift.cli import app
from poselift.video.detectors import Detector, save
from tests.poselift.readers.example import walker
from tests.poselift.readers.examples import EXAMPLES, write
from tests.poselift.video.made_videos import COLOURS, made_video, pictures
from tests.serving import ServiceProcess, service_process
from tests.training.data.datasets.c3d_files import write_c3d
from tests.training.data.datasets.marked_person import person
from training import evaluate, render, train
from training.command import command_line
from training.data.prepare_commands import COMMANDS
from training.export import __main__ as export

ROOT = Path(__file__).parents[1]
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "clients/typescript/README.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
LINE = re.compile(
    r"^    ((?:[A-Z_]+=\S+ )?(?:\.venv/bin/)?"
    r"(?:poselift|python|pip|make|curl|docker|npm|head|kubectl|git) .*)$",
    re.MULTILINE,
)
ELSEWHERE = {
    "make ": "CI, as .ci/run has it; the Makefile's own recipes",
    "pip install": "tests/test_wheel.py installs the wheel, the Makefile the extras",
    "npm ": "tests/clients/test_typescript.py",
    "docker ": "no test: it needs Docker; tests/test_project.py holds the files to the project",
    "poselift detectors install": "no test: it fetches 400 MB; test_installation.py tries the rest",
    ".venv/bin/poselift detectors install": "as above",
    ".venv/bin/python examples/draw.py": "tests/examples/test_default_models.py",
    ".venv/bin/python examples/live.py": "tests/clients/test_documents.py",
    "POSELIFT_MODELS_DIR=models": "tests/training/test_own_motion.py",
    "OTEL_EXPORTER_OTLP_ENDPOINT=": "tests/service/test_traces.py",
    "POSELIFT_API_KEYS_FILE=": "tests/service/test_keys.py",
    "poselift serve": "the service of this module",
    "curl --no-buffer --data-binary @walk.mp4": "tests/contract/test_detect.py",
}
"""Beginnings of lines that are not run here, and what runs them."""
FRAMES = 30
TRAINING = "docs/training.md"
"""A page whose lines are run at toy size, by ``test_the_page_of_training_runs``."""
OWN_MOTION = "docs/your-own-motion.md"
"""A page that ``tests/training/test_own_motion.py`` runs from top to bottom."""
SERVED = re.compile(r"(?:127\.0\.0\.1|localhost):8000")


class Line(NamedTuple):
    """A command line, and the page where it stands."""

    page: str
    command: str


def lines() -> list[Line]:
    """Those of all pages; forms with an ellipsis are none."""
    found = []
    for page in PAGES:
        text = page.read_text().replace("\\\n", " ")
        name = str(page.relative_to(ROOT))
        found += [Line(name, each) for each in LINE.findall(text) if "…" not in each]
    return found


def run_here() -> list[Line]:
    return [
        line
        for line in lines()
        if not line.command.startswith(tuple(ELSEWHERE)) and line.page not in {OWN_MOTION, TRAINING}
    ]


@pytest.fixture(scope="module")
def service(models: Path) -> Iterator[ServiceProcess]:
    settings = {"DEFAULT_MODEL": "symmetric", "LIVE_MODEL": "causal", "THREADS": "1"}
    serve = ("-m", "poselift", "serve", "--http-port", "0")
    with service_process(models, program=serve, **settings) as running:
        yield running


@pytest.fixture(scope="module")
def folder_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A folder for each page, where its lines run one after another."""
    made: dict[str, Path] = {}

    def folder(page: str) -> Path:
        if page not in made:
            made[page] = _with_files(tmp_path_factory.mktemp("page"))
        return made[page]

    return folder


def _with_files(folder: Path) -> Path:
    """The bundled examples, and the files that a reader is taken to have."""
    (folder / "examples").symlink_to(ROOT / "examples")
    shutil.copy(ROOT / "examples" / "balancing" / "cam03.json", folder / "request.json")
    (folder / "docs").mkdir()
    np.save(folder / "keypoints.npy", walker())
    ((_, results),) = EXAMPLES["coco results"].files.items()
    (folder / "results.json").write_text(str(results))
    (folder / "json_folder").mkdir()
    write(EXAMPLES["openpose two people"], folder / "json_folder")
    (folder / "openpose_json").mkdir()
    write(EXAMPLES["openpose two people"], folder / "openpose_json")
    made_video(folder / "walk.mp4", pictures(FRAMES, people=2))
    detectors = folder / "data" / "poselift" / "detectors"
    for name in ("mediapipe", "rtmpose"):
        save(Detector(name, "coco17", (sys.executable, str(COLOURS))), detectors)
    return folder


def bash(command: str, folder: Path) -> str:
    """Run a line; what it prints."""
    done = subprocess.run(
        ["bash", "-ec", command],
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "XDG_DATA_HOME": str(folder / "data"),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout


def programs(command: str) -> str:
    """The line with this Python's programs in place of those of an environment."""
    python = shlex.quote(sys.executable)
    command = re.sub(r"^(?:\.venv/bin/)?poselift ", f"{python} -m poselift ", command)
    command = re.sub(r"/envs/\w+/bin/python \S+", f"{python} {shlex.quote(str(COLOURS))}", command)
    return re.sub(r"^(?:\.venv/bin/)?python ", f"{python} ", command)


@pytest.mark.parametrize("line", run_here(), ids=lambda line: f"{line.page}: {line.command[:60]}")
def test_a_line_runs(
    line: Line, folder_of: Callable[[str], Path], request: pytest.FixtureRequest
) -> None:
    command, folder = programs(line.command), folder_of(line.page)
    if SERVED.search(command):
        service = request.getfixturevalue("service")
        command = SERVED.sub(f"127.0.0.1:{service.http_port}", command)
    if " bench" in command:
        command = f"{command} --frames 9 --seconds 0.01"
    if command.startswith("curl "):
        command = command.replace("curl ", "curl -f ", 1)
    before = {*folder.iterdir()}
    printed = bash(command, folder)
    outputs = re.findall(r"(?:-o|>) (\S+)", command)
    assert printed.strip() or outputs or {*folder.iterdir()} - before
    for output in outputs:
        name = Path(output)
        assert list(folder.glob(f"{name.parent / name.stem}*")), output


def test_the_page_of_the_command_has_every_subcommand() -> None:
    page = (ROOT / "docs" / "command.md").read_text()
    named = set(re.findall(r"^    poselift (\w+)", page, re.MULTILINE))
    assert named == {name for name in app.resolved_commands() if not name.startswith("-")}


PREPARE = command_line("training.prepare")
for name, command in COMMANDS.items():
    PREPARE.command(command, name=name)
APPS = {
    "prepare": PREPARE,
    "train": command_line("training.train", train.train),
    "evaluate": command_line("training.evaluate", evaluate.evaluate),
    "render": command_line("training.render", render.render_predictions),
    "export": command_line("training.export", export.export_checkpoint),
}
TOY = "--epochs 1 --channels 8 --filter-widths 3,3 --batch-size 64 --threads 1"


def test_the_page_of_training_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its first lines one after another, with other motion and a network of toy size."""
    names = ("mocap/anna/squat", "mocap/ben/squat", "mocap/ben/again", "uiprmd/cleo/squat")
    for number, name in enumerate(names):
        file = tmp_path / f"{name}.c3d"
        file.parent.mkdir(parents=True, exist_ok=True)
        write_c3d(file, person(120 + 40 * number, fps=100.0)[1])
    monkeypatch.chdir(tmp_path)
    text = (ROOT / TRAINING).read_text().replace("--download", "--source mocap --held-out anna")
    text = text.replace("--channels 256", TOY)
    commands = re.findall(r"^    \S+python -m training\.(\w+) ([^…\n]*)$", text, re.MULTILINE)
    uiprmd = ("prepare", "cmu --source uiprmd --held-out cleo --output data/uiprmd.npz")
    for program, words in [uiprmd, *commands]:
        APPS[program](shlex.split(words, comments=True), exit_on_error=False, print_error=False)
    made = ("errors.json", "clip.mp4", "models/mine/clip.onnx", "data/all.npz")
    assert [name for name in made if not (tmp_path / name).exists()] == []


PYTHON = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
BEFORE = """
import numpy as np
keypoints = np.load("keypoints.npy")
times = np.arange(len(keypoints)) / 30
"""


@pytest.mark.parametrize("page", ["README.md", "docs/guide.md", "docs/readers.md", "docs/video.md"])
def test_examples_in_python_run_one_after_another(
    page: str, folder_of: Callable[[str], Path], service: ServiceProcess
) -> None:
    code = BEFORE + "".join(PYTHON.findall((ROOT / page).read_text()))
    folder = folder_of(page)
    (folder / "example.py").write_text(SERVED.sub(f"127.0.0.1:{service.http_port}", code))
    bash(f"{shlex.quote(sys.executable)} example.py", folder)
