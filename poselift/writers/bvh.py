"""Biovision Hierarchy (.bvh): a skeleton and its joint rotations, for animation tools."""

import io
from pathlib import Path

import numpy as np

from poselift.array_types import Doubles
from poselift.kinematics.rotations import euler_zxy
from poselift.kinematics.segments import BodyMotion
from poselift.poses import Poses
from poselift.writers.even_frames import evenly_spaced
from poselift.writers.rigs import USUAL_RIG, RiggedJoint, rig_named, rigged

_ROTATIONS = "Zrotation Xrotation Yrotation"
_POSITIONS = "Xposition Yposition Zposition"


def write_bvh(path: Path, poses: Poses, rig: str = USUAL_RIG) -> None:
    """Write joint rotations, y up, of a person with constant bone lengths.

    The unit is the rig's: metres for h36m and vrm, centimetres for the others. The root's channels
    are where the hip is. Frames of unknown quality repeat the last pose.

    Raises:
        InvalidInput: the rig, the joints or the frame rate are not known, or no pose is.
    """
    kind = rig_named(rig)
    even = evenly_spaced(poses)
    motion = BodyMotion.of(even)
    joints = rigged(motion, kind)
    channels = [motion.root / kind.unit_m]
    channels += [np.degrees(euler_zxy(joint.rotation)) for joint in joints_in_order(joints)]
    text = io.StringIO()
    text.write("HIERARCHY\n")
    text.writelines(f"{line}\n" for line in _hierarchy(joints, 0, kind.unit_m))
    text.write(f"MOTION\nFrames: {len(even)}\nFrame Time: {1 / even.known_fps:.9g}\n")
    np.savetxt(text, np.concatenate(channels, axis=1), fmt="%.5f")
    path.write_text(text.getvalue(), encoding="ascii", newline="\n")


def joints_in_order(joints: list[RiggedJoint], number: int = 0) -> list[RiggedJoint]:
    """A joint and those below it, in the order of the hierarchy and of the channels."""
    below = [n for n, each in enumerate(joints) if each.parent == number]
    return [joints[number], *(each for n in below for each in joints_in_order(joints, n))]


def _hierarchy(joints: list[RiggedJoint], number: int, unit_m: float) -> list[str]:
    """The lines of a joint and of those below it."""
    joint = joints[number]
    is_root = joint.parent < 0
    before = joint.rest if is_root else joints[joint.parent].rest
    channels = f"6 {_POSITIONS} {_ROTATIONS}" if is_root else f"3 {_ROTATIONS}"
    inner = [_offset(joint.rest - before, unit_m), f"CHANNELS {channels}"]
    for below, each in enumerate(joints):
        if each.parent == number:
            inner += _hierarchy(joints, below, unit_m)
    if joint.tip is not None:
        inner += ["End Site", "{", f"  {_offset(joint.tip - joint.rest, unit_m)}", "}"]
    name = f"{'ROOT' if is_root else 'JOINT'} {joint.name}"
    return [name, "{", *(f"  {line}" for line in inner), "}"]


def _offset(offset_3: Doubles, unit_m: float) -> str:
    return "OFFSET " + " ".join(f"{each:.6f}" for each in offset_3 / unit_m)
