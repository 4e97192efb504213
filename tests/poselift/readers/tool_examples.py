"""Good files as tools write them that hold landmarks, arrays and labels."""

import csv
import io
import pickle
from collections.abc import Mapping
from itertools import chain
from typing import Any

import h5py
import numpy as np

from poselift.formats import FORMATS
from poselift.v1 import poselift_pb2 as messages
from tests.poselift.readers.example import FRAMES, HEIGHT, WIDTH, Example, dumps, walker

SIZE = np.array([WIDTH, HEIGHT, 1])
MEDIAPIPE = FORMATS["mediapipe33"].joints
COCO = FORMATS["coco17"].joints


def landmarks(frame: int = 0, person: int = 0, **more: Any) -> list[dict[str, Any]]:
    """A person's landmarks as MediaPipe has them."""
    places = (walker(person, "mediapipe33")[frame] / SIZE).tolist()
    return [{"x": x, "y": y, "z": -0.1, "visibility": v, **more} for x, y, v in places]


def world(frame: int = 0) -> list[dict[str, Any]]:
    """World landmarks: metres around the hips."""
    places = walker(0, "mediapipe33")[frame, :, :2]
    places = (places - places[[23, 24]].mean(axis=0)) / 300
    return [{"x": x, "y": y, "z": 0.1, "visibility": 0.9} for x, y in places.tolist()]


def coco_objects(frame: int, person: int = 0, **names: str) -> list[dict[str, Any]]:
    """A person's keypoints as TensorFlow.js has them."""
    score = names.get("score", "score")
    return [
        {"x": x, "y": y, score: s, "name": joint}
        for joint, (x, y, s) in zip(COCO, walker(person)[frame].tolist(), strict=True)
    ]


def by_id(frame: int, person: int = 0) -> list[dict[str, Any]]:
    places = walker(person)[frame].tolist()
    objects = [{"id": i, "x": x, "y": y, "confidence": s} for i, (x, y, s) in enumerate(places)]
    return [joint for joint in objects if (joint["id"] + frame) % 5]


def lines(rows: list[list[Any]]) -> str:
    file = io.StringIO()
    csv.writer(file).writerows(rows)
    return file.getvalue()


def wide(names: list[str], separator: str = "_") -> str:
    header = ["frame", *(f"{name}{separator}{axis}" for name in names for axis in "xyzv")]
    rows = [
        [frame, *(v for each in landmarks(frame) for v in each.values())] for frame in range(FRAMES)
    ]
    return lines([header, *rows])


def numbered_from_one() -> str:
    header = ["class", *(f"{axis}{number}" for number in range(1, 34) for axis in "xyzv")]
    rows = [["walk", *(v for each in landmarks(f) for v in each.values())] for f in range(FRAMES)]
    return lines([header, *rows])


def long(people: int = 1) -> str:
    rows = [
        [frame, person, name.upper(), *each.values()]
        for frame in range(FRAMES)
        for person in range(people)
        for name, each in zip(MEDIAPIPE, landmarks(frame, person), strict=True)
    ]
    return lines([["frame", "person_id", "landmark", "x", "y", "z", "visibility"], *rows])


def texts(form: str) -> str:
    header = ["frame", *map(str.upper, MEDIAPIPE)]
    rows = [[f, *(form.format(**each) for each in landmarks(f))] for f in range(FRAMES)]
    return lines([header, *rows])


def npy(array: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def npz(**arrays: Any) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def of_people(people: int = 2) -> np.ndarray:
    return np.stack([walker(person) for person in range(people)], axis=1)


def videopose3d(videos: int = 1) -> bytes:
    positions = {f"video{n}.mp4": {"custom": [walker(n)[..., :2]]} for n in range(videos)}
    metadata = {
        "layout_name": "coco",
        "num_joints": 17,
        "keypoints_symmetry": [[1, 3], [2, 4]],
        "video_metadata": {name: {"w": WIDTH, "h": HEIGHT} for name in positions},
    }
    return npz(positions_2d=positions, metadata=metadata)


def detectron(people: int = 1) -> bytes:
    boxes, keypoints = np.empty((FRAMES, 2), object), np.empty((FRAMES, 2), object)
    for frame in range(FRAMES):
        clips = np.stack([walker(person)[frame] for person in range(people)])
        x, y, score = np.moveaxis(clips, -1, 0)
        boxes[frame, 0], keypoints[frame, 0] = [], []
        boxes[frame, 1] = np.tile([0, 0, 9, 9, 0.9], (people, 1))
        keypoints[frame, 1] = np.stack([x, y, 0 * x, score], axis=1)
    segments = np.full(FRAMES, None)
    metadata = {"w": WIDTH, "h": HEIGHT}
    return npz(boxes=boxes, segments=segments, keypoints=keypoints, metadata=metadata)


def deeplabcut(people: int = 1, labelled: bool = False) -> str:
    """The first columns of a file of predictions, or of labels, whose rows are images."""
    several = people > 1
    axes = ("x", "y") if labelled else ("x", "y", "likelihood")
    columns = [(f"person{n}", joint, a) for n in range(people) for joint in COCO for a in axes]
    names = ["scorer", "bodyparts", "coords"]
    rows: list[list[Any]] = [
        ["scorer", *["net"] * len(columns)],
        ["individuals", *(who for who, _, _ in columns)],
        ["bodyparts", *(joint for _, joint, _ in columns)],
        ["coords", *(axis for _, _, axis in columns)],
    ]
    rows = [row for row in rows if several or row[0] in names]
    for frame in range(FRAMES):
        name = f"labeled-data/walk/img{frame:03}.png" if labelled else frame
        values = [walker(n)[frame, :, : len(axes)].ravel().tolist() for n in range(people)]
        rows.append([name, *chain.from_iterable(values)])
    return lines(rows)


def deeplabcut_hdf5(people: int = 1) -> bytes:
    """As pandas writes it by PyTables, ``format="table"``."""
    axes = ("x", "y", "likelihood")
    columns = [
        ("net", *([f"person{n}"] if people > 1 else []), joint, axis)
        for n in range(people)
        for joint in COCO
        for axis in axes
    ]
    values = np.concatenate([walker(n).reshape(FRAMES, -1) for n in range(people)], axis=1)
    kind = [("index", "i8"), ("values_block_0", "f8", (len(columns),))]
    table = np.zeros(FRAMES, kind)
    table["index"], table["values_block_0"] = np.arange(FRAMES), values
    file = io.BytesIO()
    with h5py.File(file, "w") as root:
        group = root.create_group("df_with_missing")
        group.create_dataset("table", data=table)
        group.attrs["non_index_axes"] = np.bytes_(pickle.dumps([(1, columns)], 0))
    return file.getvalue()


def deeplabcut_fixed() -> bytes:
    """As pandas writes it with ``format="fixed"``, and images as rows."""
    file = io.BytesIO()
    levels = [["net"], list(COCO), ["x", "y"]]
    labels = [np.zeros(34, int), np.repeat(np.arange(17), 2), np.tile([0, 1], 17)]
    with h5py.File(file, "w") as root:
        group = root.create_group("df_with_missing")
        for number, (names, places) in enumerate(zip(levels, labels, strict=True)):
            group[f"axis0_level{number}"] = np.array(names, "S")
            group[f"axis0_label{number}"] = places.astype("i1")
        group["axis1"] = np.array([f"labeled-data/walk/img{n:03}.png" for n in range(FRAMES)], "S")
        group["block0_values"] = walker()[..., :2].reshape(FRAMES, -1).astype("f8")
    return file.getvalue()


def sleap(people: int = 1) -> bytes:
    tracks = of_people(people).transpose(1, 3, 2, 0)
    file = io.BytesIO()
    with h5py.File(file, "w") as root:
        root["tracks"] = tracks[:, :2].astype("f8")
        root["point_scores"] = tracks[:, 2].astype("f8")
        root["node_names"] = np.array([joint.replace("_", " ") for joint in COCO], "S")
        root["track_names"] = np.array([f"track_{n}" for n in range(people)], "S")
        root["track_occupancy"] = np.ones((FRAMES, people), "u1")
    return file.getvalue()


def sleap_table(people: int = 2) -> str:
    axes = ("x", "y", "score")
    header = ["track", "frame_idx", "instance.score"]
    header += [f"{joint}.{axis}" for joint in COCO for axis in axes]
    rows = [
        [f"track_{person}", frame, 0.9, *walker(person)[frame].ravel().tolist()]
        for frame in range(FRAMES)
        for person in range(people)
    ]
    return lines([header, *rows])


def lift_request(people: int = 1, **more: Any) -> dict[str, Any]:
    clips = [{"id": f"p{n}", "keypoints": walker(n).tolist()} for n in range(people)]
    return {"image_size": [WIDTH, HEIGHT], "fps": 30, "clips": clips, **more}


def lift_message(people: int = 1) -> bytes:
    clips = [
        messages.Clip(id=f"p{n}", keypoints=walker(n).ravel().tolist(), first_frame=7)
        for n in range(people)
    ]
    request = messages.LiftRequest(image_size=[WIDTH, HEIGHT], fps=30, clips=clips)
    return request.SerializeToString()


def _mediapipe(content: Any, people: int = 1) -> Example:
    files = {"landmarks.json": dumps(content)}
    return Example("mediapipe", files, "mediapipe33", people, coordinates="normalized")


def _table(content: str, people: int = 1) -> Example:
    files = {"landmarks.csv": content}
    return Example("table", files, "mediapipe33", people, coordinates="normalized")


def _each(make: Any) -> list[Any]:
    return [make(frame) for frame in range(FRAMES)]


NORMALIZED = walker() / SIZE
MOVENET = NORMALIZED[..., [1, 0, 2]]

TOOL_EXAMPLES: Mapping[str, Example] = {
    "mediapipe lists": _mediapipe(_each(landmarks)),
    "mediapipe lists of numbers": _mediapipe(
        _each(lambda f: [list(each.values()) for each in landmarks(f)])
    ),
    "mediapipe landmarks": _mediapipe(_each(lambda f: {"landmarks": landmarks(f)})),
    "mediapipe tasks, two people": _mediapipe(
        _each(
            lambda f: {
                "landmarks": [landmarks(f, 0), landmarks(f, 1)],
                "worldLandmarks": [world(f), world(f)],
            }
        ),
        people=2,
    ),
    "mediapipe poseLandmarks with times": _mediapipe(
        {"frames": _each(lambda f: {"timestamp_ms": 40 * f, "poseLandmarks": landmarks(f)})}
    ),
    "mediapipe frames by number": _mediapipe(
        {f"frame_{f}": {"pose_landmarks": landmarks(f)} for f in reversed(range(FRAMES))}
    ),
    "mediapipe by name": _mediapipe(
        _each(lambda f: dict(zip(map(str.upper, MEDIAPIPE), landmarks(f), strict=True)))
    ),
    "mediapipe by number": _mediapipe(
        {"frames": _each(lambda f: {str(i): each for i, each in enumerate(landmarks(f))})}
    ),
    "mediapipe protobuf in JSON": _mediapipe(
        _each(lambda f: {"frame": f, "landmark": landmarks(f)})
    ),
    "mediapipe rows": _mediapipe(
        [
            {"frame": frame, "landmark_id": number, **each}
            for frame in range(FRAMES)
            for number, each in enumerate(landmarks(frame))
        ]
    ),
    "mediapipe table, wide": _table(wide([name.upper() for name in MEDIAPIPE])),
    "mediapipe table, numbered": _table(wide([f"landmark_{i}" for i in range(33)])),
    "mediapipe table, from one": _table(numbered_from_one()),
    "mediapipe table, long": _table(long()),
    "mediapipe table, two people": _table(long(2), people=2),
    "mediapipe table, named texts": _table(
        texts("x: {x}\ny: {y}\nz: {z}\nvisibility: {visibility}\n")
    ),
    "mediapipe table, tuples": _table(texts("({x}, {y}, {z}, {visibility})")),
    "tfjs poses": Example(
        "tfjs", {"poses.json": dumps(_each(lambda f: [{"score": 1, "keypoints": coco_objects(f)}]))}
    ),
    "tfjs two people": Example(
        "tfjs",
        {
            "poses.json": dumps(
                {
                    "frames": _each(
                        lambda f: {
                            "poses": [{"keypoints": coco_objects(f, person)} for person in (0, 1)]
                        }
                    )
                }
            )
        },
        people=2,
    ),
    "posenet": Example(
        "tfjs",
        {
            "poses.json": dumps(
                _each(
                    lambda f: {
                        "keypoints": [
                            {
                                "part": joint,
                                "score": s,
                                "position": {"x": x, "y": y},
                            }
                            for joint, (x, y, s) in zip(COCO, walker()[f].tolist(), strict=True)
                        ]
                    }
                )
            )
        },
    ),
    "movenet": Example(
        "tfjs", {"movenet.json": dumps(MOVENET[:, None, None].tolist())}, coordinates="normalized"
    ),
    "joints by id": Example(
        "joints-by-id",
        {"joints.json": dumps(_each(lambda f: {"frame": f, "keypoints": by_id(f)}))},
    ),
    "joints by id, two people": Example(
        "joints-by-id",
        {
            "joints.json": dumps(
                _each(lambda f: {"people": [{"keypoints": by_id(f, n)} for n in (0, 1)]})
            )
        },
        people=2,
    ),
    "array": Example("array", {"keypoints.npy": npy(walker())}),
    "array of places": Example("array", {"keypoints.npy": npy(walker()[..., :2])}),
    "array, two people": Example("array", {"keypoints.npy": npy(of_people())}, people=2),
    "array in an archive": Example(
        "array", {"keypoints.npz": npz(keypoints=walker()[..., :2], scores=walker()[..., 2])}
    ),
    "array in JSON": Example("array", {"keypoints.json": dumps([*walker().tolist(), None])}),
    "array of MoveNet": Example("array", {"movenet.npy": npy(MOVENET)}, coordinates="normalized"),
    "videopose3d": Example("videopose3d", {"data_2d_custom_walk.npz": videopose3d()}),
    "videopose3d two videos": Example(
        "videopose3d", {"data_2d_custom_walk.npz": videopose3d(2)}, people=2
    ),
    "detectron": Example("videopose3d", {"walk.mp4.npz": detectron()}),
    "detectron two people": Example("videopose3d", {"walk.mp4.npz": detectron(2)}, people=2),
    "deeplabcut": Example("deeplabcut", {"walkDLC_resnet50.csv": deeplabcut()}),
    "deeplabcut two people": Example("deeplabcut", {"walkDLC.csv": deeplabcut(2)}, people=2),
    "deeplabcut labels": Example("deeplabcut", {"CollectedData.csv": deeplabcut(labelled=True)}),
    "deeplabcut hdf5": Example("deeplabcut", {"walkDLC.h5": deeplabcut_hdf5()}),
    "deeplabcut hdf5 two people": Example("deeplabcut", {"w.h5": deeplabcut_hdf5(2)}, people=2),
    "deeplabcut hdf5 fixed": Example("deeplabcut", {"CollectedData.h5": deeplabcut_fixed()}),
    "sleap": Example("sleap", {"walk.analysis.h5": sleap()}),
    "sleap two people": Example("sleap", {"walk.analysis.h5": sleap(2)}, people=2),
    "sleap table": Example("sleap", {"walk.csv": sleap_table()}, people=2),
    "freemocap": Example(
        "freemocap",
        {
            "mediapipe2dData_numCams_numFrames_numTrackedPoints_pixelXY.npy": npy(
                np.pad(walker(0, "mediapipe33")[None, ..., :2], [(0, 1), (0, 0), (0, 520), (0, 0)])
                + np.array([0, 1])[:, None, None, None]
            )
        },
        "mediapipe33",
        people=2,
    ),
    "lift request": Example("lift-request", {"request.json": dumps(lift_request())}),
    "lift request of two": Example(
        "lift-request",
        {"request.json": dumps(lift_request(2, keypoint_format="coco17", axes="y_up"))},
        people=2,
    ),
    "lift request in protobuf": Example("lift-request", {"request.pb": lift_message()}),
}

REFUSED: Mapping[str, tuple[Example, str]] = {
    "world landmarks": (
        _mediapipe(_each(lambda f: {"worldLandmarks": [world(f)]})),
        "world landmarks, 3D positions in metres around the hips",
    ),
    "world landmarks in lists": (_mediapipe(_each(world)), "these are world landmarks"),
    "an array of world landmarks": (
        Example(
            "array",
            {"w.npy": npy([[[e["x"], e["y"], 0.5] for e in world(f)] for f in range(FRAMES)])},
        ),
        "these are world landmarks",
    ),
    "an array of positions": (
        Example("array", {"p.npy": npy(walker() - [0, 0, 2])}),
        "third coordinate of 3D positions",
    ),
    "freemocap in 3D": (
        Example("freemocap", {"mediaPipeSkel_3d_body_hands_face.npy": npy(np.zeros((4, 553, 3)))}),
        "are 3D positions",
    ),
    "TRC": (Example("3d", {"walk.trc": "PathFileType\t4\n"}), "markers in 3D"),
    "C3D": (Example("3d", {"walk.c3d": b"\x02P"}), "markers in 3D"),
    "BVH": (Example("3d", {"walk.bvh": "HIERARCHY\n"}), "motion in 3D"),
    "keypoints without clips": (
        Example(
            "lift-request",
            {"r.json": dumps({"image_size": [9, 9], "keypoints": walker().tolist()})},
        ),
        r'clips: expected a list of clips, with the keypoints inside: \{"image_size"',
    ),
    "NaN in a lift request": (
        Example("lift-request", {"r.json": dumps(lift_request(min_score=float("nan")))}),
        "NaN is not JSON: send null",
    ),
}
"""Files that a reader takes to say why what is in them is not lifted."""
