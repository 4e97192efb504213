"""One good file or folder of everything that is read; each is tried on every reader."""

from collections.abc import Mapping
from pathlib import Path

from tests.poselift.readers.detector_examples import DETECTOR_EXAMPLES
from tests.poselift.readers.example import Example
from tests.poselift.readers.tool_examples import REFUSED, TOOL_EXAMPLES

EXAMPLES: Mapping[str, Example] = {**DETECTOR_EXAMPLES, **TOOL_EXAMPLES}


__all__ = ["EXAMPLES", "REFUSED", "write"]


def write(example: Example, folder: Path) -> Path:
    """Write an example into a folder; the path that is read."""
    for name, content in example.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder if example.is_folder else folder / next(iter(example.files))
