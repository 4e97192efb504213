"""The output formats, by the ending of the file's name; see CONTRIBUTING for how to add one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from poselift.errors import InvalidInput
from poselift.poses import Poses
from poselift.writers.arrays import write_json, write_npz, write_videopose3d
from poselift.writers.bvh import write_bvh
from poselift.writers.glb import write_glb
from poselift.writers.opensim import write_mot, write_trc
from poselift.writers.rigs import rig_named
from poselift.writers.tables import write_csv, write_parquet


@dataclass(frozen=True)
class OutputFormat:
    """How poses are written.

    Attributes:
        writer: from a path and poses to a file; with ``has_rigs`` from the name of a rig too.
        media_type: by which callers of a service ask for it over HTTP, where they can.
        has_rigs: whether it writes a skeleton, whose rig callers may choose.
    """

    writer: Callable[..., None]
    media_type: str | None = None
    has_rigs: bool = False

    def write(self, path: Path, poses: Poses, rig: str | None = None) -> None:
        """Write a file; without a rig, or where there are none, in the usual way.

        Raises:
            InvalidInput: the poses lack what the format needs.
            MissingPackage: the format needs a package that is not installed.
            OSError: the file cannot be written.
        """
        self.writer(path, poses, *([rig] if self.has_rigs and rig is not None else []))

    def check_rig(self, where: str, rig: str | None) -> None:
        """Refuse a rig that it does not have; raises ``InvalidInput``."""
        if rig is not None and not self.has_rigs:
            raise InvalidInput.at(where, f"none, which only {rigged_endings()} have, found {rig!r}")
        if rig is not None:
            rig_named(rig, where)


WRITERS: Mapping[str, OutputFormat] = MappingProxyType(
    {
        ".npz": OutputFormat(write_npz, "application/x-npz"),
        ".json": OutputFormat(write_json),
        ".csv": OutputFormat(write_csv, "text/csv"),
        ".parquet": OutputFormat(write_parquet, "application/vnd.apache.parquet"),
        ".videopose3d.npz": OutputFormat(write_videopose3d, "application/x-videopose3d"),
        ".bvh": OutputFormat(write_bvh, "model/x-bvh", has_rigs=True),
        ".glb": OutputFormat(write_glb, "model/gltf-binary", has_rigs=True),
        ".trc": OutputFormat(write_trc, "text/x-trc"),
        ".mot": OutputFormat(write_mot, "text/x-mot"),
    }
)


def rigged_endings() -> str:
    """The endings of formats with a skeleton, in words."""
    return " and ".join(ending for ending, each in WRITERS.items() if each.has_rigs)


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
    output = WRITERS[max(endings, key=len)]
    output.check_rig("rig", rig)
    output.write(target, poses, rig)
