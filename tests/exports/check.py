"""``make check-exports``: files of every kind, opened by the tools that they are for.

Each tool has an environment of its own under ``.venv-exports``, which is made once. Blender's
module is licensed under the GPL: the one script that imports it runs there, as a program of its
own. What cannot be had on this machine is skipped, and said in one line.
"""

import shutil
import subprocess
import sys
from collections.abc import Callable
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


class Skipped(Exception):
    """A tool cannot be had here."""


def main() -> None:
    make_files.main(FILES)
    checks: dict[str, Callable[[], bool]] = {
        "glTF validator": gltf_is_valid,
        "OpenSim": opensim_agrees,
        "Blender": blender_agrees,
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
    if not (folder / "node_modules" / "gltf-validator").exists():
        folder.mkdir(parents=True, exist_ok=True)
        install(npm, "install", "--silent", "--prefix", folder, VALIDATOR)
    return succeeds(node, SCRIPTS / "check_gltf.mjs", FILES, folder)


def opensim_agrees() -> bool:
    python = environment("opensim", sys.executable, OPENSIM)
    return succeeds(python, SCRIPTS / "check_opensim.py", FILES)


def blender_agrees() -> bool:
    base = shutil.which(BLENDER_PYTHON)
    if base is None:
        raise Skipped(f"no {BLENDER_PYTHON}, the only Python that bpy 5.0 is built for")
    python = environment("blender", base, BLENDER)
    return succeeds(python, SCRIPTS / "check_blender.py", FILES)


def environment(name: str, base: str, packages: tuple[str, ...]) -> Path:
    """The Python of a virtual environment with these packages, made if it is not there."""
    folder = ENVIRONMENTS / name
    python = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    made = folder / "made"
    if not made.exists():
        install(base, "-m", "venv", "--clear", folder)
        install(python, "-m", "pip", "install", "--quiet", *packages)
        made.touch()
    return python


def install(*command: str | Path) -> None:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["no reason given"]
        raise Skipped(f"not installed: {last[0]}")


def succeeds(*command: str | Path) -> bool:
    return subprocess.run(command, check=False).returncode == 0


if __name__ == "__main__":
    main()
