"""Write files for other tools, and what they should find in them: ``make_files FOLDER``."""

import json
import sys
from itertools import product
from pathlib import Path

import numpy as np

import poselift
from poselift.imputation import Quality
from poselift.postprocess.pipeline import enforce_bone_lengths
from poselift.skeletons import H36M17
from poselift.writers.rigs import RIGS

CLIPS = {
    "balancing": "examples/balancing/cam01.json",
    "walking": "examples/walking_mediapipe.json",
}
RENDERED = {"balancing-h36m.bvh", "balancing-h36m.glb", "walking-unreal.glb"}
FRAMES = (0, 30, 60, 90)


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for_blender, for_opensim = {}, {}
    for clip, file in CLIPS.items():
        poses = lifted(Path(__file__).parents[2] / file)
        for rig, ending in product(RIGS, ("bvh", "glb")):
            name = f"{clip}-{rig}.{ending}"
            poselift.write(folder / name, poses, rig=rig)
            for_blender[name] = {
                "fps": poses.fps,
                "unit_m": RIGS[rig].unit_m,
                "first_frame": 1 if ending == "bvh" else 0,
                "picture": 60 if name in RENDERED else None,
                "frames": places(poses, rig),
            }
        for ending in ("trc", "mot"):
            poselift.write(folder / f"{clip}.{ending}", poses)
        for_opensim[clip] = {"fps": poses.fps, "markers": markers(poses), "angles": angles(poses)}
    (folder / "blender.json").write_text(json.dumps(for_blender))
    (folder / "opensim.json").write_text(json.dumps(for_opensim))


def known_frames(poses: poselift.Poses) -> list[int]:
    return [frame for frame in FRAMES if poses.quality[frame] != Quality.UNKNOWN]


def markers(poses: poselift.Poses) -> dict[int, dict[str, list[float]]]:
    """Where the joints are, metres, x forward, y up, z right."""
    upright = poses.in_axes("y_up")
    x, y, z = np.moveaxis((upright.poses + upright.trajectory[:, None]).astype(np.float64), -1, 0)
    there = np.stack([z, y, -x], axis=-1)
    return {
        frame: dict(zip(H36M17.joints, there[frame].tolist(), strict=True))
        for frame in known_frames(poses)
    }


def angles(poses: poselift.Poses) -> dict[int, dict[str, float]]:
    """Those that the file has, degrees."""
    found = poselift.joint_angles(poses)
    return {
        frame: {n: float(v[frame]) for n, v in found.items() if not n.startswith("shoulder_")}
        for frame in known_frames(poses)
    }


def lifted(path: Path) -> poselift.Poses:
    request = json.loads(path.read_text())
    options = {each: request[each] for each in ("image_size", "fps", "keypoint_format")}
    return poselift.lift(request["clips"][0]["keypoints"], **options, smoothing_s=0.2)


def places(poses: poselift.Poses, rig: str) -> dict[int, dict[str, list[float]]]:
    """Where joints of a rig are that sit at joints of the poses, with constant bone lengths."""
    upright = poses.in_axes("y_up")
    known = poses.quality != Quality.UNKNOWN
    flat = enforce_bone_lengths(upright.poses, H36M17.parents, known) + upright.trajectory[:, None]
    names = {joint.name: joint.place[0] for joint in RIGS[rig].joints if len(joint.place) == 1}
    return {
        frame: {
            name: flat[frame, H36M17.joints.index(place)].astype(np.float64).tolist()
            for name, place in names.items()
        }
        for frame in known_frames(poses)
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]))
