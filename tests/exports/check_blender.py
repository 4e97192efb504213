"""Blender opens the BVH and GLB files of a folder: are the joints where the poses have them?

Run by the Python of an environment with bpy, not by that of poselift: ``check_blender.py FOLDER
[--pictures]``. ``blender.json`` there tells of each file its frame rate and unit, the number that
Blender gives its first frame, the names of its joints and where they are in some frames (metres,
y up), and which frame to render to ``FILE.png`` if pictures are asked for.
"""

import json
import sys
from pathlib import Path

import bpy
from mathutils import Vector

TOLERANCE_M = 0.005
PICTURE = (320, 400)


def main(folder: Path, with_pictures: bool) -> None:
    failed = []
    for name, expected in json.loads((folder / "blender.json").read_text()).items():
        armature = opened(folder / name, expected)
        worst_m, where = farthest(armature, expected)
        print(
            f"Blender {bpy.app.version_string}: {name}: {worst_m * 1000:.2f} mm at most ({where})"
        )
        if worst_m > TOLERANCE_M:
            failed.append(name)
        if with_pictures and expected["picture"] is not None:
            render(armature, expected["picture"] + expected["first_frame"], folder / f"{name}.png")
    if failed:
        sys.exit(f"Blender has joints elsewhere than the poses: {', '.join(failed)}")


def opened(path: Path, expected: dict) -> bpy.types.Object:
    """Import a file into an empty scene; its armature."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.context.scene.render.fps = round(expected["fps"])
    if path.suffix == ".bvh":
        bpy.ops.import_anim.bvh(
            filepath=str(path),
            global_scale=expected["unit_m"],
            update_scene_fps=True,
            update_scene_duration=True,
        )
    else:
        bpy.ops.import_scene.gltf(filepath=str(path))
    (armature,) = (each for each in bpy.data.objects if each.type == "ARMATURE")
    return armature


def farthest(armature: bpy.types.Object, expected: dict) -> tuple[float, str]:
    """The joint that is farthest from where it should be."""
    worst, where = 0.0, "none"
    for frame, joints in expected["frames"].items():
        bpy.context.scene.frame_set(int(frame) + expected["first_frame"])
        for joint, place in joints.items():
            bone = armature.pose.bones[joint]
            found = armature.matrix_world @ bone.head
            x, y, z = place
            away = (found - Vector((x, -z, y))).length
            if away >= worst:
                worst, where = away, f"{joint}, frame {frame}"
    return worst, where


def render(armature: bpy.types.Object, frame: int, path: Path) -> None:
    scene = bpy.context.scene
    scene.frame_set(frame)
    if not any(each.type == "MESH" for each in bpy.data.objects):
        _show_bones(armature)
    middle = armature.matrix_world @ armature.pose.bones[0].head
    _set_up(scene, middle)
    scene.render.engine = "CYCLES"
    scene.cycles.device = "CPU"
    scene.cycles.samples = 8
    scene.render.resolution_x, scene.render.resolution_y = PICTURE
    scene.render.filepath = str(path)
    bpy.ops.render.render(write_still=True)


def _show_bones(armature: bpy.types.Object) -> None:
    """A cone for each bone, as an armature itself is not rendered."""
    for bone in armature.pose.bones:
        start, end = (armature.matrix_world @ each for each in (bone.head, bone.tail))
        way = end - start
        if way.length < 0.02:
            continue
        bpy.ops.mesh.primitive_cone_add(
            vertices=12, radius1=0.03, radius2=0.012, depth=way.length, location=(start + end) / 2
        )
        cone = bpy.context.object
        cone.rotation_mode = "QUATERNION"
        cone.rotation_quaternion = way.to_track_quat("Z", "Y")


def _set_up(scene: bpy.types.Scene, middle: Vector) -> None:
    """A floor, light and a camera that looks at the person from the front and the side."""
    bpy.ops.mesh.primitive_plane_add(size=30, location=(middle.x, middle.y, middle.z - 0.95))
    floor = bpy.data.materials.new("floor")
    floor.node_tree.nodes["Principled BSDF"].inputs["Base Color"].default_value = (
        0.1,
        0.12,
        0.15,
        1,
    )
    bpy.context.object.data.materials.append(floor)
    bpy.ops.object.light_add(type="SUN", rotation=(0.7, 0.3, 0.5))
    bpy.context.object.data.energy = 3
    world = bpy.data.worlds.new("world")
    world.node_tree.nodes["Background"].inputs["Color"].default_value = (0.6, 0.7, 0.9, 1)
    scene.world = world
    place = middle + Vector((1.6, -3.0, 0.7))
    bpy.ops.object.camera_add(location=place)
    camera = bpy.context.object
    camera.rotation_euler = (
        (middle - Vector((0, 0, 0.05)) - place).to_track_quat("-Z", "Y").to_euler()
    )
    scene.camera = camera


if __name__ == "__main__":
    main(Path(sys.argv[1]), "--pictures" in sys.argv[2:])
