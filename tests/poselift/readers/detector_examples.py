"""Good files as detectors write them."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.poselift.readers.example import HEIGHT, WIDTH, Example, dumps, flat, walker

Keypoints = NDArray[np.float32]
Person = Callable[[Keypoints, int], Any]
"""A person in a frame: from their keypoints (J, 3) and their number."""


def frames_of(person: Person, people: int = 1, keypoint_format: str = "coco17") -> list[list[Any]]:
    """The people of each frame, as a detector lists them."""
    clips = [walker(number, keypoint_format) for number in range(people)]
    return [
        [person(clip[frame], number) for number, clip in enumerate(clips)]
        for frame in range(len(clips[0]))
    ]


def in_folder(frames: list[Any], name: str = "clip_{:012d}.json") -> dict[str, str]:
    return {name.format(number): dumps(frame) for number, frame in enumerate(frames)}


def openpose(keypoint_format: str, people: int = 1, **more: Any) -> list[Any]:
    def person(keypoints: Keypoints, _: int) -> Any:
        return {"person_id": [-1], "pose_keypoints_2d": flat(keypoints), "face_keypoints_2d": []}

    frames = frames_of(person, people, keypoint_format)
    return [{"version": 1.3, "people": each, **more} for each in frames]


def dwpose(people: int = 1, scale: float = 1.0) -> list[Any]:
    def person(keypoints: Keypoints, _: int) -> Any:
        scaled = keypoints * [scale / WIDTH, scale / HEIGHT, 1] if scale != 1 else keypoints
        return {"pose_keypoints_2d": flat(scaled), "face_keypoints_2d": None}

    frames = frames_of(person, people, "openpose_coco18")
    return [{"people": p, "canvas_width": WIDTH, "canvas_height": HEIGHT} for p in frames]


def results(people: int = 1, keypoint_format: str = "coco17", **more: Any) -> list[Any]:
    """COCO's results, and AlphaPose's with a name or ``idx``."""

    def person(keypoints: Keypoints, _: int) -> Any:
        return {"category_id": 1, "keypoints": flat(keypoints), "score": 0.9, **more}

    frames = frames_of(person, people, keypoint_format)
    return [{"image_id": number, **each} for number, people in enumerate(frames) for each in people]


def alphapose(people: int = 1, keypoint_format: str = "coco17", **more: Any) -> list[Any]:
    found = results(people, keypoint_format, box=[0, 0, 9, 9], **more)
    return [{**each, "image_id": f"{each['image_id']}.jpg"} for each in found]


def alphapose_by_image(people: int = 1) -> dict[str, Any]:
    def person(keypoints: Keypoints, number: int) -> Any:
        return {"keypoints": flat(keypoints), "scores": 2.5, "idx": number + 1}

    frames = frames_of(person, people)
    return {f"{number}.jpg": each for number, each in enumerate(frames)}


def alphapose_other(key: str, joints: str, people: int = 1) -> dict[str, Any]:
    """``--format cmu`` and ``--format open``."""

    def person(keypoints: Keypoints, _: int) -> Any:
        return {joints: flat(keypoints)}

    frames = frames_of(person, people, "openpose_coco18")
    return {
        f"{number}.jpg": {"version": "AlphaPose v0.3", key: each}
        for number, each in enumerate(frames)
    }


def annotations(people: int = 1, keypoint_format: str = "coco17") -> dict[str, Any]:
    found = results(people, keypoint_format)
    names = ["nose", "head_bottom", "head_top"] if keypoint_format == "posetrack17" else ["nose"]
    return {
        "images": [
            {"id": 70 + n, "file_name": f"video/{n:06d}.jpg", "width": WIDTH, "height": HEIGHT}
            for n in range(4)
        ],
        "annotations": [
            {"id": row, **each, "image_id": 70 + each["image_id"], "num_keypoints": 17}
            for row, each in enumerate(found)
        ],
        "categories": [{"name": "person", "keypoints": names + ["joint"] * (17 - len(names))}],
    }


def instance(keypoints: Keypoints, number: int) -> Any:
    return {
        "keypoints": np.round(keypoints[:, :2].astype(float), 2).tolist(),
        "keypoint_scores": keypoints[:, 2].astype(float).tolist(),
        "bbox": [[0, 0, 9, 9]],
        "bbox_score": 0.9,
    }


def mmpose(people: int = 1, keypoint_format: str = "coco17") -> list[list[Any]]:
    return frames_of(instance, people, keypoint_format)


def mmpose_video(people: int = 1, keypoint_format: str = "coco17") -> list[Any]:
    frames = mmpose(people, keypoint_format)
    return [{"frame_id": number, "instances": each} for number, each in enumerate(frames)]


def mmpose_demo(data_set: str, keypoint_format: str) -> Any:
    frames = mmpose_video(1, keypoint_format)
    return {"meta_info": {"dataset_name": data_set}, "instance_info": frames}


def sapiens(frame: list[Any]) -> Any:
    names = {str(number): f"point_{number}" for number in range(17)}
    return {"meta_info": {"keypoint_id2name": names}, "instance_info": frame}


def yolo(people: int = 1, tracked: bool = False, normalized: bool = False) -> list[list[Any]]:
    def person(keypoints: Keypoints, number: int) -> Any:
        x, y, score = (keypoints / ([WIDTH, HEIGHT, 1] if normalized else 1)).T.astype(float)
        points = {"x": x.tolist(), "y": y.tolist(), "visible": score.tolist()}
        track = {"track_id": number + 1} if tracked else {}
        return {"name": "person", "class": 0, "confidence": 0.9, "keypoints": points, **track}

    return frames_of(person, people)


def labels(people: int = 1, scored: bool = True, *rest: float) -> dict[str, str]:
    def person(keypoints: Keypoints, number: int) -> str:
        shares = (keypoints / [WIDTH, HEIGHT, 1])[:, : 3 if scored else 2]
        last = [number + 1] if rest else []
        row = [0, 0.5, 0.5, 0.2, 0.2, *shares.ravel().tolist(), *rest[:-1], *last]
        return " ".join(f"{value:g}" for value in row)

    frames = frames_of(person, people)
    return {f"video_{n}.txt": "\n".join(each) + "\n" for n, each in enumerate(frames, start=1)}


BODY_25, COCO_18 = "openpose_body25", "openpose_coco18"
DETECTOR_EXAMPLES: Mapping[str, Example] = {
    **{
        f"openpose {name}": Example("openpose", in_folder(openpose(name)), name, is_folder=True)
        for name in (BODY_25, "openpose_body25b", COCO_18, "openpose_mpi15")
    },
    "openpose two people": Example(
        "openpose", in_folder(openpose(BODY_25, 2)), BODY_25, people=2, is_folder=True
    ),
    "openpose file": Example(
        "openpose", {"image_keypoints.json": dumps(openpose(COCO_18)[0])}, COCO_18, frames=1
    ),
    "openpose with empty files": Example(
        "openpose",
        {"clip_0.json": "", **in_folder(openpose(BODY_25), "clip_1{}.json"), "clip_99.json": ""},
        BODY_25,
        is_folder=True,
    ),
    "comfyui list": Example("comfyui", {"poses.json": dumps(dwpose())}, COCO_18),
    "comfyui two people": Example("comfyui", {"p.json": dumps(dwpose(2))}, COCO_18, people=2),
    "comfyui image": Example("comfyui", {"pose.json": dumps(dwpose()[0])}, COCO_18, frames=1),
    "dwpose in shares of the image": Example(
        "comfyui",
        {"poses.json": dumps(dwpose(scale=1 - 1e-9))},
        COCO_18,
        coordinates="normalized",
    ),
    "alphapose results": Example("alphapose", {"a.json": dumps(alphapose())}),
    "alphapose two people": Example(
        "alphapose", {"alphapose-results.json": dumps(alphapose(2))}, people=2
    ),
    **{
        f"alphapose {name}": Example(
            "alphapose", {"a.json": dumps(alphapose(1, name, idx=[[3]]))}, name
        )
        for name in ("halpe26", "halpe136", "wholebody133")
    },
    "alphapose tracked by image": Example(
        "alphapose", {"tracked_person.json": dumps(alphapose_by_image(2))}, people=2
    ),
    "alphapose cmu": Example(
        "alphapose", {"a.json": dumps(alphapose_other("bodies", "joints"))}, COCO_18
    ),
    "alphapose open": Example(
        "alphapose",
        {"a.json": dumps(alphapose_other("people", "pose_keypoints_2d", 2))},
        COCO_18,
        2,
    ),
    "alphapose cmu folder": Example(
        "alphapose",
        in_folder(list(alphapose_other("bodies", "joints").values()), "{}.json"),
        COCO_18,
        is_folder=True,
    ),
    "coco results": Example("coco", {"results.json": dumps(results())}),
    "coco two people": Example("coco", {"results.json": dumps(results(2))}, people=2),
    "coco annotations": Example("coco-annotations", {"val.json": dumps(annotations(2))}, people=2),
    "posetrack annotations": Example(
        "coco-annotations", {"p.json": dumps(annotations(1, "posetrack17"))}, "posetrack17"
    ),
    "mmpose video": Example("mmpose", {"video.json": dumps(mmpose_video())}),
    "mmpose two people": Example("mmpose", {"video.json": dumps(mmpose_video(2))}, people=2),
    "mmpose demo": Example(
        "mmpose",
        {
            "v.json": dumps(
                {"meta_info": {"dataset_name": "aic"}, "instance_info": mmpose_video(1, "aic14")}
            )
        },
        "aic14",
    ),
    "mmpose image": Example("mmpose", {"image.json": dumps(mmpose(2)[0])}, people=2, frames=1),
    "mmpose lists of lists": Example(
        "mmpose", {"all.json": dumps([[frame] for frame in mmpose(2)])}, people=2
    ),
    "mmpose results": Example(
        "mmpose", {"all.json": dumps([{"predictions": [frame]} for frame in mmpose()])}
    ),
    "mmpose folder": Example("mmpose", in_folder(mmpose()), is_folder=True),
    "sapiens folder": Example(
        "mmpose", in_folder([sapiens(frame) for frame in mmpose(1)]), is_folder=True
    ),
    "mmpose 0": Example(
        "mmpose",
        {"old.json": dumps(frames_of(lambda keypoints, _: {"keypoints": keypoints.tolist()}))},
    ),
    "ultralytics frames": Example("ultralytics", {"r.json": dumps(yolo(2))}, people=2),
    "ultralytics frames as text": Example(
        "ultralytics",
        {"r.json": dumps([dumps(frame) for frame in yolo(2, tracked=True)])},
        people=2,
    ),
    "ultralytics frame": Example("ultralytics", {"r.json": dumps(yolo()[0])}, frames=1),
    "ultralytics normalised": Example(
        "ultralytics", {"r.json": dumps(yolo(normalized=True))}, coordinates="normalized"
    ),
    "ultralytics lines": Example(
        "ultralytics", {"r.jsonl": "".join(dumps(frame) + "\n" for frame in yolo())}
    ),
    "ultralytics folder": Example("ultralytics", in_folder(yolo()), is_folder=True),
    "ultralytics labels": Example(
        "ultralytics-labels", labels(), is_folder=True, coordinates="normalized"
    ),
    "ultralytics labels without confidences": Example(
        "ultralytics-labels", labels(2, False), people=2, is_folder=True, coordinates="normalized"
    ),
    "ultralytics labels with ids": Example(
        "ultralytics-labels", labels(2, True, 1), people=2, is_folder=True, coordinates="normalized"
    ),
    "ultralytics label file": Example(
        "ultralytics-labels",
        {"image.txt": labels(1, True, 0.8, 1)["video_1.txt"]},
        frames=1,
        coordinates="normalized",
    ),
}
