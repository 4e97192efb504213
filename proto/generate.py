"""Makes the Python stubs from the .proto files; with --check, says whether they are up to date."""

import argparse
import sys
import tempfile
from pathlib import Path

from grpc_tools import protoc

_SOURCES = Path(__file__).parent
_ROOT = _SOURCES.parent
_SOURCE = "poselift/v1/poselift.proto"
_STUBS = ("_pb2.py", "_pb2.pyi", "_pb2_grpc.py")


def main() -> int:
    """Generate in place, or into a temporary folder to compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; fail if out of date")
    if not parser.parse_args().check:
        _generate(_ROOT)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        _generate(Path(folder))
        stale = [name for name in _stubs() if _read(Path(folder) / name) != _read(_ROOT / name)]
    if stale:
        sys.stderr.write(f"out of date, run `python proto/generate.py`: {', '.join(stale)}\n")
    return 1 if stale else 0


def _generate(output: Path) -> None:
    outputs = [f"--{kind}_out={output}" for kind in ("python", "pyi", "grpc_python")]
    if protoc.main(["protoc", f"--proto_path={_SOURCES}", *outputs, _SOURCE]) != 0:
        raise SystemExit("protoc failed")


def _stubs() -> list[str]:
    return [_SOURCE.removesuffix(".proto") + ending for ending in _STUBS]


def _read(path: Path) -> str:
    return path.read_text() if path.exists() else ""


if __name__ == "__main__":
    sys.exit(main())
