"""OpenSim opens the TRC and MOT files of a folder: are markers and angles those of the poses?

Run by the Python of an environment with opensim, not by that of poselift:
``check_opensim.py FOLDER``. ``opensim.json`` there tells of each clip its frame rate, and markers
(metres, x forward, y up, z right) and angles (degrees) in some frames. The angles move a model,
whose joints have the axes of OpenSim's own models: its thighs and upper arms have the directions
that the markers show, and shanks and forearms do as far as a hinge allows.
"""

import json
import math
import sys
from pathlib import Path

import opensim

TOLERANCE_MM, TOLERANCE_DEGREES = 0.01, 0.001
BALL_JOINT_DEGREES, HINGE_DEGREES = 0.2, 15.0
"""By how much directions of bones may differ below a joint of three axes, and below one of one."""

Z, X, Y = (0, 0, 1), (1, 0, 0), (0, 1, 0)
JOINTS = {
    "pelvis": (None, (("pelvis_tilt", Z), ("pelvis_list", X), ("pelvis_rotation", Y))),
    "chest": (
        "pelvis",
        (("lumbar_extension", Z), ("lumbar_bending", X), ("lumbar_rotation", Y)),
    ),
}
"""Each body, what it hangs on, and its coordinates with their axes, as in Rajagopal et al. 2016."""
BONES = {}
for side, end, out in (("right", "r", 1), ("left", "l", -1)):
    inwards, turned = (out, 0, 0), (0, out, 0)
    for limb, above, below, base in (
        ("hip", "thigh", "shank", "pelvis"),
        ("arm", "arm", "fore", "chest"),
    ):
        names = ("hip_flexion", "hip_adduction", "hip_rotation", "knee_angle")
        if limb == "arm":
            names = ("arm_flex", "arm_add", "arm_rot", "elbow_flex")
        first, second, third, hinge = (f"{name}_{end}" for name in names)
        JOINTS[f"{above}_{end}"] = (base, ((first, Z), (second, inwards), (third, turned)))
        # Knees bend backwards, elbows forwards.
        bends = (0, 0, -1) if limb == "hip" else Z
        JOINTS[f"{below}_{end}"] = (f"{above}_{end}", ((hinge, bends),))
    BONES |= {
        f"thigh_{end}": (f"{side}_hip", f"{side}_knee"),
        f"shank_{end}": (f"{side}_knee", f"{side}_foot"),
        f"arm_{end}": (f"{side}_shoulder", f"{side}_elbow"),
        f"fore_{end}": (f"{side}_elbow", f"{side}_wrist"),
    }


def main(folder: Path) -> None:
    failed = []
    for clip, expected in json.loads((folder / "opensim.json").read_text()).items():
        away_mm = marker_error(folder / f"{clip}.trc", expected)
        away_degrees = angle_error(folder / f"{clip}.mot", expected)
        print(f"OpenSim {opensim.GetVersion()}: {clip}.trc: {away_mm:.4f} mm at most")
        print(f"OpenSim {opensim.GetVersion()}: {clip}.mot: {away_degrees:.5f} degrees at most")
        ball, hinge = direction_errors(expected)
        print(f"{' ' * 8}its angles move a model: {ball:.2f} and {hinge:.2f} degrees at most")
        is_moved = ball < BALL_JOINT_DEGREES and hinge < HINGE_DEGREES
        if away_mm > TOLERANCE_MM or away_degrees > TOLERANCE_DEGREES or not is_moved:
            failed.append(clip)
    if failed:
        sys.exit(f"OpenSim finds something else than the poses in: {', '.join(failed)}")


def marker_error(path: Path, expected: dict) -> float:
    """How far the marker farthest from where it should be is from there, as MarkerData reads it."""
    data = opensim.MarkerData(str(path))
    data.convertToUnits(opensim.Units(opensim.Units.Meters))
    assert abs(data.getDataRate() - expected["fps"]) < 1e-3
    worst = 0.0
    for number, markers in expected["markers"].items():
        frame = data.getFrame(int(number))
        for name, place in markers.items():
            found = frame.getMarker(data.getMarkerIndex(name))
            away = sum((found[axis] - place[axis]) ** 2 for axis in range(3)) ** 0.5
            worst = max(worst, 1000 * away)
    return worst


def angle_error(path: Path, expected: dict) -> float:
    table = opensim.TimeSeriesTable(str(path))
    assert table.getTableMetaDataString("inDegrees") == "yes"
    times = table.getIndependentColumn()
    assert abs((times[1] - times[0]) * expected["fps"] - 1) < 1e-3
    return max(
        abs(table.getDependentColumn(name)[int(frame)] - angle)
        for frame, angles in expected["angles"].items()
        for name, angle in angles.items()
    )


def moving_model() -> opensim.Model:
    """A body of the joints above, all of them at one place: only directions matter."""
    model = opensim.Model()
    bodies = {None: model.getGround()}
    here = opensim.Vec3(0)
    for name, (parent, coordinates) in JOINTS.items():
        bodies[name] = opensim.Body(name, 1, opensim.Vec3(0), opensim.Inertia(1))
        model.addBody(bodies[name])
        transform = opensim.SpatialTransform()
        for number, (coordinate, axis) in enumerate(coordinates):
            turn = transform.updTransformAxis(number)
            names = opensim.ArrayStr()
            names.append(coordinate)
            turn.setCoordinateNames(names)
            turn.setAxis(opensim.Vec3(*axis))
            turn.set_function(opensim.LinearFunction(1, 0))
        free = (Z, X, Y)[len(coordinates) :]
        for number, axis in enumerate(free, len(coordinates)):
            turn = transform.updTransformAxis(number)
            turn.setAxis(opensim.Vec3(*axis))
            turn.set_function(opensim.Constant(0))
        joint = opensim.CustomJoint(
            f"to_{name}", bodies[parent], here, here, bodies[name], here, here, transform
        )
        model.addJoint(joint)
    model.finalizeConnections()
    return model


def direction_errors(expected: dict) -> tuple[float, float]:
    """How far bones of the model are from the markers' directions: at balls, at hinges."""
    model = moving_model()
    state = model.initSystem()
    ball = hinge = 0.0
    for frame, angles in expected["angles"].items():
        for name, angle in angles.items():
            coordinate = model.getCoordinateSet().get(name)
            coordinate.setValue(state, math.radians(angle), False)
        model.realizePosition(state)
        for body, (start, end) in BONES.items():
            rotation = model.getBodySet().get(body).getTransformInGround(state).R()
            found = rotation.multiply(opensim.Vec3(0, -1, 0))
            places = expected["markers"][frame]
            bone = [b - a for a, b in zip(places[start], places[end], strict=True)]
            cosine = sum(found[i] * bone[i] for i in range(3)) / math.dist(bone, (0, 0, 0))
            away = math.degrees(math.acos(min(cosine, 1)))
            if len(JOINTS[body][1]) == 1:
                hinge = max(hinge, away)
            else:
                ball = max(ball, away)
    return ball, hinge


if __name__ == "__main__":
    main(Path(sys.argv[1]))
