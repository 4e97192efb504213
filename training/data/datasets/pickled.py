"""Object arrays in files of arrays (.npz), read without running anything in them."""

from pathlib import Path
from zipfile import BadZipFile, ZipFile

from poselift.errors import InvalidInput
from poselift.readers.object_arrays import load_objects
from training.data.datasets.tree import Tree


def read_pickled(path: Path, *keys: str) -> list[Tree]:
    """The objects under these keys of a file written by `numpy.savez`."""
    try:
        with ZipFile(path) as archive:
            return [_member(archive, path, key) for key in keys]
    except (OSError, BadZipFile) as error:
        raise InvalidInput.at(str(path), f"a file of arrays (.npz): {error}") from error


def _member(archive: ZipFile, path: Path, key: str) -> Tree:
    where = f"{path}, {key}"
    if f"{key}.npy" not in archive.namelist():
        raise InvalidInput.at(where, "an array of that name")
    with archive.open(f"{key}.npy") as file:
        objects = load_objects(file, where)
    if objects.shape != ():
        raise InvalidInput.at(where, f"one pickled object, found object of shape {objects.shape}")
    return Tree(where, objects.item())
