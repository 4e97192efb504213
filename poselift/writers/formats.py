"""The output formats, by the ending of the file's name; see CONTRIBUTING for how to add one."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from poselift.errors import InvalidInput
from poselift.poses import Poses
from poselift.writers.arrays import write_json, write_npz, write_videopose3d
from poselift.writers.bvh import write_bvh
from poselift.writers.glb import write_glb
from poselift.writers.opensim import write_mot, write_trc
from poselift.writers.rigs import USUAL_RIG
from poselift.writers.tables import write_csv, write_parquet

Writer = Callable[[Path, Poses], None]
RiggedWriter = Callable[[Path, Poses, str], None]

RIGGED: Mapping[str, RiggedWriter] = MappingProxyType({".bvh": write_bvh, ".glb": write_glb})
"""Those that write a skeleton, which callers may choose."""


def _with_usual_rig(writer: RiggedWriter) -> Writer:
    return lambda path, poses: writer(path, poses, USUAL_RIG)


WRITERS: Mapping[str, Writer] = MappingProxyType(
    {
        ".npz": write_npz,
        ".json": write_json,
        ".csv": write_csv,
        ".parquet": write_parquet,
        ".videopose3d.npz": write_videopose3d,
        **{ending: _with_usual_rig(writer) for ending, writer in RIGGED.items()},
        ".trc": write_trc,
        ".mot": write_mot,
    }
)


def write(path: str | Path, poses: Poses, *, rig: str | None = None) -> None:
    """Write the poses of one person in the format that the file's name ends with.

    Args:
        path: the file; of several endings that fit, the longest counts.
        poses: what ``poselift.lift`` gave.
        rig: of formats with a skeleton, the names and the rest pose of its joints: ``h36m``,
            ``mixamo``, ``vrm``, ``unreal`` or ``cmu``.

    Raises:
        InvalidInput: no format has this ending, or the poses lack what it needs.
        MissingPackage: the format needs a package that is not installed.
        OSError: the file cannot be written.
    """
    target = Path(path)
    endings = [each for each in WRITERS if target.name.lower().endswith(each)]
    if not endings:
        raise InvalidInput.at(str(path), f"a name that ends with {', '.join(WRITERS)}")
    ending = max(endings, key=len)
    if rig is None:
        WRITERS[ending](target, poses)
    elif ending in RIGGED:
        RIGGED[ending](target, poses, rig)
    else:
        raise InvalidInput.at("rig", f"none, which only {' and '.join(RIGGED)} have, found {rig!r}")
