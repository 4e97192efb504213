"""What the page computes without a browser, tested by its own tests in Node."""

import re
import shutil
from pathlib import Path

import pytest

from tests.node import npm
from tests.page.conftest import ROOT

LAYERS = (
    {"shell"},
    {"live"},
    {"clip"},
    {"controls", "detector", "state"},
    {"scene", "motion"},
)


def test_the_page_computes_what_it_should(tmp_path: Path) -> None:
    for name in ("web", "clients"):
        ignored = shutil.ignore_patterns("node_modules", "dist", "build")
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    done = npm(tmp_path / "web", "ci", "--prefer-offline")
    if done.returncode != 0:
        pytest.skip(f"npm cannot install: {done.stderr.strip().splitlines()[-1:]}")
    done = npm(tmp_path / "web", "test")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_lock_names_no_registry() -> None:
    assert '"resolved"' not in (ROOT / "web" / "package-lock.json").read_text()


def test_folders_of_the_page_import_those_under_them() -> None:
    """As the table of packages in ARCHITECTURE.md has them, from top to bottom."""
    levels = {name: level for level, names in enumerate(LAYERS) for name in names}
    upwards = [
        f"{file.parent.name}/{file.name} imports {name}"
        for file in (ROOT / "web" / "src").glob("*/*.ts*")
        for name in re.findall(r'from "\.\./(\w+)/', file.read_text())
        if name in levels and levels[name] <= levels[file.parent.name]
    ]
    assert upwards == []
