"""The files of a model folder, and the version that they have together.

A folder of these files is one version of a model; ``NAME/VERSION/`` is reserved for several.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path

CLIP_GRAPH = "clip.onnx"
STEP_GRAPH = "step.onnx"
RINGS_GRAPH = "rings.onnx"
WINDOW_GRAPH = "window.onnx"
WEIGHTS = "weights.bin"
"""What every graph in a model folder keeps its weights in."""

_GRAPHS = (CLIP_GRAPH, STEP_GRAPH, RINGS_GRAPH, WINDOW_GRAPH)
_DIGITS = 12
_METADATA_FIELD = 14
"""``metadata_props`` of ONNX's ``ModelProto``, where the card is."""
_SKIPPED_BYTES = {1: 8, 5: 4}
"""The sizes of protobuf's fixed wire types."""


def model_version(folder: Path) -> str:
    """The version of a model: SHA-256 of its graphs without metadata, and of its weights.

    The card is metadata: it holds the version, and may be corrected without a new one.

    Raises:
        OSError: a file cannot be read.
    """
    digest = hashlib.sha256()
    for name in _GRAPHS:
        if (folder / name).is_file():
            digest.update(name.encode())
            for field in _without_metadata((folder / name).read_bytes()):
                digest.update(field)
    digest.update((folder / WEIGHTS).read_bytes())
    return digest.hexdigest()[:_DIGITS]


def weights_version(folder: Path) -> str:
    """The version that cards had before it covered the graphs: SHA-256 of the weights alone.

    Raises:
        OSError: the file cannot be read.
    """
    return hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()[:_DIGITS]


def _without_metadata(model: bytes) -> Iterator[bytes]:
    """The top-level fields of a serialised ``ModelProto`` but its metadata, in order."""
    at = 0
    while at < len(model):
        key, content = _varint(model, at)
        end = _end_of_field(model, content, key & 7)
        if key >> 3 != _METADATA_FIELD:
            yield model[at:end]
        at = end


def _end_of_field(message: bytes, at: int, wire_type: int) -> int:
    if wire_type == 0:
        return _varint(message, at)[1]
    if wire_type == 2:  # length-delimited
        length, start = _varint(message, at)
        return start + length
    return at + _SKIPPED_BYTES[wire_type]


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """A variable-length integer, and where it ends."""
    value, shift = 0, 0
    while True:
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
