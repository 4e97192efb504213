"""A copy of this checkout, in which a recipe of CONTRIBUTING.md is followed to the letter."""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def copy_packages(folder: Path, *names: str) -> Path:
    """Copy packages without shipped models and golden values; the folder."""
    ignore = shutil.ignore_patterns("golden", "models")
    for name in names:
        shutil.copytree(ROOT / name, folder / name, ignore=ignore, dirs_exist_ok=True)
    return folder


def insert(path: Path, after: str, text: str) -> None:
    """Insert text after other text that is there once."""
    source = path.read_text()
    assert source.count(after) == 1
    path.write_text(source.replace(after, after + text))


def run(checkout: Path, *arguments: str | Path) -> str:
    """What Python prints that imports the packages from the copy."""
    done = subprocess.run(
        [sys.executable, *arguments], cwd=checkout, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
