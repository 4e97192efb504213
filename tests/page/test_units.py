"""What the page computes without a browser, tested by its own tests in Node."""

import shutil
from pathlib import Path

import pytest

from tests.node import npm
from tests.page.conftest import ROOT


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
