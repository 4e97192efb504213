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
from collections.abc import Callable, Sequence
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

    def fill() -> None:
        install(npm, "install", "--no-audit", "--no-fund", "--prefix", folder, VALIDATOR)

    make(folder, [VALIDATOR], fill)
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

    def fill() -> None:
        install(base, "-m", "venv", "--without-pip", folder)
        pip = (sys.executable, "-m", "pip", "--python", python)
        install(*pip, "install", "--quiet", *packages)
        install(python, "-c", f"import {module}")  # it may need libraries of the system

    make(folder, packages, fill)
    return python


def make(folder: Path, contents: Sequence[str], fill: Callable[[], None]) -> None:
    """Fill a folder unless it has the same contents; one that cannot be filled is removed."""
    made, wanted = folder / "made", "\n".join(contents)
    if made.exists() and made.read_text() == wanted:
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        fill()
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    made.write_text(wanted)


def install(*command: str | Path) -> None:
    try:
        done = subprocess.run(
            command,
            cwd=ENVIRONMENTS,
            check=False,
            capture_output=True,
            text=True,
            timeout=LONGEST_INSTALL_S,
        )
    except subprocess.TimeoutExpired:
        raise Skipped(f"not installed within {LONGEST_INSTALL_S} s") from None
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines() or ["no reason given"]
        reason = next((line for line in lines if "error" in line.lower()), lines[-1])
        raise Skipped(f"not installed: {reason}")


def succeeds(*command: str | Path) -> bool:
    # OpenSim writes a log to the folder in which it runs.
    return subprocess.run(command, check=False, cwd=FILES).returncode == 0


if __name__ == "__main__":
    main()
