"""OpenSim's files: markers (.trc) and joint angles (.mot); x forward, y up, z to the right."""

import io
from pathlib import Path

import numpy as np

from poselift.imputation import UNKNOWN
from poselift.kinematics.joint_angles import TO_OPENSIM_33, angles_of
from poselift.kinematics.segments import BodyMotion
from poselift.poses import Poses
from poselift.writers.even_frames import evenly_spaced

_PER_METRE = 1000
_NOT_OF_MODELS = "shoulder_"
"""Angles that OpenSim's models have no coordinate for begin so: the shoulder has theirs too."""


def write_trc(path: Path, poses: Poses) -> None:
    """Write the joints as markers, in millimetres, one for each joint of the skeleton.

    A person who faces the camera faces forward. Frames and times count from the clip's start. In
    frames of unknown quality the markers are left out; without a trajectory the root is at 0.

    Raises:
        InvalidInput: the skeleton or the frame rate is not known.
    """
    names = poses.known_skeleton.joints
    even = evenly_spaced(poses)
    upright = even.in_axes("y_up")
    places = upright.poses.astype(np.float64)
    if upright.trajectory is not None:
        places += upright.trajectory[:, None]
    rows = (places @ TO_OPENSIM_33.T * _PER_METRE).reshape(len(even), -1)
    is_known = even.quality != UNKNOWN
    path.write_text(
        _trc_header(path.name, names, len(even), even.known_fps)
        + "".join(
            f"{frame + 1}\t{frame / even.known_fps:.6f}\t{_cells(row, known)}\n"
            for frame, (row, known) in enumerate(zip(rows.tolist(), is_known, strict=True))
        ),
        encoding="ascii",
        errors="replace",
        newline="\n",
    )


def _cells(row: list[float], is_known: bool) -> str:
    return "\t".join(f"{each:.3f}" if is_known else "" for each in row)


def _trc_header(name: str, markers: tuple[str, ...], frames: int, fps: float) -> str:
    fields = {
        "DataRate": f"{fps:.6f}",
        "CameraRate": f"{fps:.6f}",
        "NumFrames": str(frames),
        "NumMarkers": str(len(markers)),
        "Units": "mm",
        "OrigDataRate": f"{fps:.6f}",
        "OrigDataStartFrame": "1",
        "OrigNumFrames": str(frames),
    }
    numbers = range(1, len(markers) + 1)
    return "\n".join(
        [
            f"PathFileType\t4\t(X/Y/Z)\t{name}",
            "\t".join(fields),
            "\t".join(fields.values()),
            "Frame#\tTime\t" + "\t\t\t".join(markers) + "\t\t",
            "\t\t" + "\t".join(f"X{number}\tY{number}\tZ{number}" for number in numbers),
            "\n",
        ]
    )


def write_mot(path: Path, poses: Poses) -> None:
    """Write joint angles in degrees and the pelvis in metres, named as in OpenSim's models.

    Times count from the clip's start. Frames of unknown quality repeat the last pose.

    Raises:
        InvalidInput: the joints or the frame rate are not known, or no pose is.
    """
    even = evenly_spaced(poses)
    motion = BodyMotion.of(even)
    angles = angles_of(motion)
    columns = {"time": np.arange(len(even)) / even.known_fps}
    columns |= {name: angles.pop(name) for name in [*angles] if name.startswith("pelvis_")}
    root = motion.root @ TO_OPENSIM_33.T
    columns |= {f"pelvis_t{axis}": root[:, place] for place, axis in enumerate("xyz")}
    columns |= {name: each for name, each in angles.items() if not name.startswith(_NOT_OF_MODELS)}
    text = io.StringIO()
    text.write(f"{path.stem}\nversion=1\nnRows={len(even)}\nnColumns={len(columns)}\n")
    text.write("inDegrees=yes\nendheader\n" + "\t".join(columns) + "\n")
    np.savetxt(text, np.stack([*columns.values()], axis=1), fmt="%.6f", delimiter="\t")
    path.write_text(text.getvalue(), encoding="ascii", errors="replace", newline="\n")
