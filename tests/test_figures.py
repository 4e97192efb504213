"""The documentation's figures and animation are what their commands make, and are shown."""

import importlib.util
import re
import shlex
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree

import pytest
from PIL import Image

from poselift.formats import FORMATS

ROOT = Path(__file__).parents[1]
FIGURES = ROOT / "docs" / "figures"


@pytest.fixture(scope="module")
def drawing() -> ModuleType:
    spec = importlib.util.spec_from_file_location("draw_figures", ROOT / "docs" / "draw_figures.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_figures_are_what_the_command_draws(drawing: ModuleType) -> None:
    kept = {path.name: path.read_text() for path in FIGURES.iterdir()}
    assert kept == drawing.figures(), "python docs/draw_figures.py"


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_has_a_figure_with_all_its_joints(name: str) -> None:
    texts = [each.text or "" for each in ElementTree.parse(FIGURES / f"{name}.svg").iter()]
    joints = FORMATS[name].joints
    numbered = [joint for joint in joints if not joint.rpartition("_")[2].isdecimal()]
    for number, joint in enumerate(numbered):
        assert joint in texts
        assert texts.count(str(joints.index(joint))) >= 2, number  # by its dot and by its name
    circles = len(ElementTree.parse(FIGURES / f"{name}.svg").findall(".//{*}circle"))
    hands = sum(joint.startswith("right_hand_") for joint in joints)
    assert circles == len(joints) - hands  # they are as the left ones
    assert f'src="figures/{name}.svg"' in (ROOT / "docs" / "formats.md").read_text()


def test_every_figure_is_shown() -> None:
    pages = "".join(page.read_text() for page in (ROOT / "docs").glob("*.md"))
    for figure in FIGURES.iterdir():
        assert f"figures/{figure.name}" in pages


def test_the_readme_opens_with_an_animation_that_a_line_of_the_documents_makes() -> None:
    readme = (ROOT / "README.md").read_text()
    shown = re.match(r"# poselift\n\n!\[[^\]]+\]\((docs/\w+\.webp)\)", readme)
    assert shown
    animation = ROOT / shown[1]
    assert animation.stat().st_size < 2_000_000
    with Image.open(animation) as image:
        assert image.n_frames > 50  # type: ignore[attr-defined]
    lines = re.findall(r"^    poselift (lift .+)$", (ROOT / "docs" / "video.md").read_text(), re.M)
    (line,) = [shlex.split(each) for each in lines if shown[1] in each]
    assert (ROOT / line[1]).is_file()
