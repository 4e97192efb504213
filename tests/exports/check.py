"""``make check-exports``: files of every kind, opened by the tools that they are for.

Each tool has an environment of its own under ``.venv-exports``, which is made once for the versions
named here. Blender's module is licensed under the GPL: the one script that imports it runs there,
as a program of its own. What cannot be had on this machine is skipped, and said in one line.
With ``--pictures``, Blender renders some files beside them.
"""

import argparse
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.exports import make_files

ROOT = Path(__file__).parents[2]
SCRIPTS = Path(__file__).parent
ENVIRONMENTS = ROOT / ".venv-exports"
FILES = ROOT / "build" / "exports"

BLENDER_PYTHON = "python3.11"
BLENDER = ("bpy==5.0.1", "numpy<2")
OPENSIM = ("opensim==4.6",)
VALIDATOR = "gltf-validator@2.0.0-dev.3.10"
LONGEST_INSTALL_S = 600


class Skipped(Exception):
    """A tool cannot be had here."""


def main() -> None:
    parser = argparse.ArgumentParser(description="Open exported files with other tools.")
    parser.add_argument("--pictures", action="store_true", help="have Blender render some")
    asked = parser.parse_args()
    make_files.main(FILES)
    checks: dict[str, Callable[[], bool]] = {
        "glTF validator": gltf_is_valid,
        "OpenSim": opensim_agrees,
        "Blender": lambda: blender_agrees(asked.pictures),
    }
    failed = []
    for name, check in checks.items():
        try:
            if not check():
                failed.append(name)
        except Skipped as reason:
            print(f"skipped: {name}: {reason}", flush=True)
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


def gltf_is_valid() -> bool:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise Skipped("no node and npm")
    folder = ENVIRONMENTS / "node"
    with made_once(folder, [VALIDATOR]) as is_needed:
        if is_needed:
            install(npm, "install", "--silent", "--prefix", folder, VALIDATOR)
    return succeeds(node, SCRIPTS / "check_gltf.mjs", FILES, folder)


def opensim_agrees() -> bool:
    python = environment("opensim", sys.executable, OPENSIM, "opensim")
    return succeeds(python, SCRIPTS / "check_opensim.py", FILES)


def blender_agrees(with_pictures: bool) -> bool:
    base = shutil.which(BLENDER_PYTHON)
    if base is None:
        raise Skipped(f"no {BLENDER_PYTHON}, the only Python that bpy 5.0 is built for")
    python = environment("blender", base, BLENDER, "bpy")
    options = ["--pictures"] if with_pictures else []
    return succeeds(python, SCRIPTS / "check_blender.py", FILES, *options)


def environment(name: str, base: str, packages: Sequence[str], module: str) -> Path:
    """The Python of a virtual environment with these packages, made if it is not there."""
    folder = ENVIRONMENTS / name
    python = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    with made_once(folder, packages) as is_needed:
        if is_needed:
            install(base, "-m", "venv", "--without-pip", folder)
            pip = (sys.executable, "-m", "pip", "--python", python)
            install(*pip, "install", "--quiet", *packages)
            install(python, "-c", f"import {module}")  # it may need libraries of the system
    return python


@contextmanager
def made_once(folder: Path, contents: Sequence[str]) -> Iterator[bool]:
    """Whether a folder is still to be filled with these; what could not be made is removed."""
    made = folder / "made"
    is_needed = not made.exists() or made.read_text().split("\n") != list(contents)
    if is_needed:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    try:
        yield is_needed
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    made.write_text("\n".join(contents))


def install(*command: str | Path) -> None:
    try:
        done = subprocess.run(
            command, check=False, capture_output=True, text=True, timeout=LONGEST_INSTALL_S
        )
    except subprocess.TimeoutExpired:
        raise Skipped(f"not installed within {LONGEST_INSTALL_S} s") from None
    if done.returncode:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["no reason given"]
        raise Skipped(f"not installed: {last[0]}")


def succeeds(*command: str | Path) -> bool:
    return subprocess.run(command, check=False).returncode == 0


if __name__ == "__main__":
    main()
