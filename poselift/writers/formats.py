"""The output formats, by the ending of the file's name; see CONTRIBUTING for how to add one."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from poselift.errors import InvalidInput
from poselift.poses import Poses
from poselift.writers.arrays import write_json, write_npz

Writer = Callable[[Path, Poses], None]

WRITERS: Mapping[str, Writer] = MappingProxyType({".npz": write_npz, ".json": write_json})


def write(path: str | Path, poses: Poses) -> None:
    """Write the poses of one person in the format that the file's name ends with.

    Raises:
        InvalidInput: no format has this ending.
        OSError: the file cannot be written.
    """
    target = Path(path)
    writer = WRITERS.get(target.suffix.lower())
    if writer is None:
        raise InvalidInput.at(str(path), f"a name that ends with {', '.join(WRITERS)}")
    writer(target, poses)
