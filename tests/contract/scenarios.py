"""Requests and their expected outcomes, for every transport."""
# ruff: noqa: E501

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.models import person_clip

EVERY = ("json", "protobuf", "grpc")
JSON_ONLY = ("json",)
PROTOBUF_ONLY = ("protobuf", "grpc")

SIZE = [1000, 800]
CAMERA: Mapping[str, Any] = {"focal_length": [900, 900], "principal_point": [500, 400]}


@dataclass(frozen=True)
class Good:
    """A request that is answered."""

    name: str
    request: Mapping[str, Any]
    model: str = "symmetric"


@dataclass(frozen=True)
class Bad:
    """A request that is refused, and the place that the refusal names."""

    name: str
    request: Mapping[str, Any]
    where: str
    slug: str = "invalid"
    over: tuple[str, ...] = EVERY


def keypoints(frames: int = 3, keypoint_format: str = "coco17", seed: int = 0) -> list[Any]:
    """A clip whose numbers are the same in JSON and as float32."""
    clip = person_clip(frames, seed, keypoint_format)
    return (np.round(clip * 64) / 64).tolist()


def request(*clips: Any, **fields: Any) -> dict[str, Any]:
    """A good request with these clips, one of three frames if none are given, and fields."""
    given = [{"keypoints": clip} for clip in clips or [keypoints()]]
    return {"image_size": SIZE, "clips": given, **fields}


def with_(clip: list[Any], frame: int, joint: int | None, value: Any) -> list[Any]:
    """The clip with something else in place of a joint, or of a frame."""
    changed = [list(row) for row in clip]
    if joint is None:
        changed[frame] = value
    else:
        changed[frame][joint] = value
    return changed


def gappy(frames: int) -> list[Any]:
    """A clip with missing joints and a gap too long to fill."""
    clip = keypoints(frames)
    for frame in range(0, frames, 3):
        clip[frame][frame % 17] = None
    clip[20:60] = [None] * 40
    return clip


def request_of(clip: list[Any], **fields: Any) -> dict[str, Any]:
    """A request of one clip with fields of its own."""
    return {"image_size": SIZE, "clips": [{"keypoints": clip, **fields}]}


def _one_clip(**fields: Any) -> dict[str, Any]:
    return request_of(keypoints(), **fields)


GOOD = (
    Good("one frame", request(keypoints(1))),
    Good("a clip longer than the receptive field", request(keypoints(100))),
    Good("several clips", request(*(keypoints(n, seed=n) for n in (1, 2, 13, 40)))),
    Good("a clip with ids", _one_clip(id="someone")),
    Good("missing joints and frames", request(gappy(100))),
    Good("missing joints, causal", request(gappy(100), model="causal"), "causal"),
    Good("without scores", request([[joint[:2] for joint in frame] for frame in keypoints()])),
    Good("some scores", request(with_(keypoints(), 1, 5, [500, 400]))),
    Good("whole numbers", request(with_(keypoints(), 1, 5, [500, 400, 1]))),
    Good("y up", request(axes="y_up")),
    Good("z up", request(axes="z_up")),
    Good("an empty frame", request(with_(keypoints(), 1, None, []))),
    Good("joints of null", request(with_(keypoints(), 1, 5, [None, None, 0]))),
    Good("a field of view", request(camera={"fov_degrees": 60}, model="person"), "person"),
    Good("one focal length", request(camera={"focal_length": 900}, model="person"), "person"),
    Good("a person's height", request(person_height_m=1.5)),
    Good(
        "timestamps",
        request_of(keypoints(20), timestamps_s=[i / 30 + 0.001 * (i % 3) for i in range(20)]),
    ),
    Good("frame numbers", _one_clip(first_frame=1000)),
    Good("nulls at both ends", request([None] * 30 + keypoints(10) + [None] * 40)),
    Good("mirrored", request(keypoints(40), flip_augmentation=True)),
    Good("smoothed", request(gappy(100), model="rooted", smoothing_s=0.2), "rooted"),
    Good("still feet", request(gappy(100), model="rooted", ground_contact=True), "rooted"),
    Good("constant bone lengths", request(gappy(100), constant_bone_lengths=True)),
    Good("a camera", request(camera=CAMERA, model="person"), "person"),
    Good("a distorted camera", request(camera={**CAMERA, "radial": [0.1, 0, 0]})),
    Good("the live model", request(model="live"), "causal"),
    Good("a trajectory", request(gappy(100), model="rooted"), "rooted"),
    Good("openpose", request(keypoints(9, "openpose_body25"), keypoint_format="openpose_body25")),
    Good("more frames than are encoded at once", request(keypoints(1700), fps=25)),
    Good("a large body", request(keypoints(6000))),
)

# fmt: off
_CLIP = keypoints()

ODD = (
    Good("coordinates near the end of float32", request([[[3e38, -3e38, 1], [-3e38, 3e38, 1], *_CLIP[0][2:]]])),
    Good("the same for a camera", request([[[3e38, -3e38, 1], [-3e38, 3e38, 1], *_CLIP[0][2:]]], model="person")),
    Good("all joints in one place", request([[[5, 5, 1]] * 17] * 3, model="person")),
    Good("a tiny image", request(image_size=[1e-30, 1e-30])),
    Good("a camera with extreme distortion", request(camera={**CAMERA, "radial": [1e38, -1e38, 1e38]}, model="person")),
    Good("a long focal length", request(camera={**CAMERA, "focal_length": [1e6, 1e-30]}, model="person")),
    Good("negative scores", request([[[5, 5, -1], *_CLIP[0][1:]]])),
    Good("big scores", request([[[5, 5, 1e30], *_CLIP[0][1:]]])),
    Good("numbers too small for float32", request([[[1e-300, 5, 1], *_CLIP[0][1:]]])),
)
"""Requests that may be answered or refused, but must not fail."""

BAD = (
    # Required fields.
    Bad("no clips", {"image_size": SIZE}, "clips"),
    Bad("an empty list of clips", {"image_size": SIZE, "clips": []}, "clips"),
    Bad("clips that are none", {"image_size": SIZE, "clips": 3}, "clips", over=JSON_ONLY),
    Bad("a clip that is none", {"image_size": SIZE, "clips": [7]}, "clips[0]", over=JSON_ONLY),
    Bad("no keypoints", {"image_size": SIZE, "clips": [{}]}, "clips[0].keypoints", over=JSON_ONLY),
    Bad("an empty clip", request(_CLIP, []), "clips[1].keypoints"),
    Bad("nothing measured", request(_CLIP, [[None] * 17] * 4), "clips[1].keypoints"),
    Bad("only empty frames", request([None, None]), "clips[0].keypoints"),
    Bad("only scores of zero", request([[[5, 5, 0]] * 17]), "clips[0].keypoints"),
    Bad("all scores too low", request([[[5, 5, 0.04]] * 17]), "clips[0].keypoints"),
    # Shapes.
    Bad("too few joints", request([_CLIP[0][:16]]), "clips[0].keypoints[0]", over=JSON_ONLY),
    Bad("too many joints", request(_CLIP, [[*_CLIP[0], None]]), "clips[1].keypoints[0]", over=JSON_ONLY),
    Bad("too few numbers", request([_CLIP[0][:16]]), "clips[0].keypoints", over=PROTOBUF_ONLY),
    Bad("ragged joints", request(with_(_CLIP, 2, None, _CLIP[0][:9])), "clips[0].keypoints[2]", over=JSON_ONLY),
    Bad("ragged after an empty frame", request([None, _CLIP[0][:9]]), "clips[0].keypoints[1]", over=JSON_ONLY),
    Bad("a frame that is none", request(with_(_CLIP, 1, None, "x")), "clips[0].keypoints[1]", over=JSON_ONLY),
    Bad("keypoints that are none", request({"x": 1}), "clips[0].keypoints", over=JSON_ONLY),
    Bad("a flat clip", request([1.0, 2.0, 3.0]), "clips[0].keypoints[0]", over=JSON_ONLY),
    *(
        Bad(f"a joint of {joint!r}", request(_CLIP, with_(_CLIP, 2, 4, joint)), "clips[1].keypoints[2][4]", over=JSON_ONLY)
        for joint in (
            [], [1], [1, 2, 3, 4], [1, "2", 3], ["1", "2", "3"], [1, 2, None], [1, True, 1],
            [[1, 2], [3]], [[1], [2], [3]], {"x": 1}, {"x": 1, "y": 2, "score": 3}, 5, "xyz", True,
        )
    ),
    Bad("a string of three for a joint", request([["abc"] * 17]), "clips[0].keypoints[0][0]", over=JSON_ONLY),
    # Numbers.
    *(
        Bad(f"a keypoint of {number}", request(_CLIP, with_(_CLIP, 2, 4, [1, number, 1])), "clips[1].keypoints[2][4]", over=over)
        for number, over in (
            (1e39, EVERY), (-1e39, EVERY), (1e300, JSON_ONLY),
            (float("nan"), PROTOBUF_ONLY), (float("inf"), PROTOBUF_ONLY), (float("-inf"), PROTOBUF_ONLY),
        )
    ),
    Bad("an infinite score", request(with_(_CLIP, 0, 0, [1, 1, 1e39])), "clips[0].keypoints[0][0]"),
    # Small fields.
    Bad("no image size", {"clips": [{"keypoints": _CLIP}]}, "image_size"),
    *(
        Bad(f"image size {size}", request(image_size=size), where)
        for size, where in (
            ([0, 800], "image_size[0]"), ([1000, 0], "image_size[1]"), ([-5, 800], "image_size[0]"),
            ([1e39, 800], "image_size[0]"), ([1000], "image_size[1]"), ([1000, 800, 3], "image_size"),
        )
    ),
    *(
        Bad(f"image size {size}", request(image_size=size), where, over=JSON_ONLY)
        for size, where in (
            (["1000", 800], "image_size[0]"), ([True, 800], "image_size[0]"), ("1000x800", "image_size"),
            (None, "image_size"), ({"width": 1}, "image_size"), ([[1], 2], "image_size[0]"),
        )
    ),
    Bad("a NaN image size", request(image_size=[float("nan"), 800]), "image_size[0]", over=PROTOBUF_ONLY),
    Bad("an infinite image size", request(image_size=[800, float("inf")]), "image_size[1]", over=PROTOBUF_ONLY),
    Bad("zero focal length", request(camera={**CAMERA, "focal_length": [900, 0]}), "camera.focal_length[1]"),
    Bad("negative focal length", request(camera={**CAMERA, "focal_length": [-1, 9]}), "camera.focal_length[0]"),
    Bad("no focal length", request(camera={"principal_point": [1, 1]}), "camera.focal_length"),
    Bad("both a focal length and a field of view", request(camera={**CAMERA, "fov_degrees": 50}), "camera.focal_length"),
    Bad("a focal length in millimetres", request(camera={"focal_length": 35}), "camera.focal_length"),
    Bad("a field of view beyond a half turn", request(camera={"fov_degrees": 180}), "camera.fov_degrees"),
    Bad("half a distortion", request(camera={**CAMERA, "radial": [0.1]}), "camera.radial[1]"),
    Bad("an endless distortion", request(camera={**CAMERA, "tangential": [0, 1e39]}), "camera.tangential[1]"),
    Bad("a camera that is none", request(camera=[1]), "camera", over=JSON_ONLY),
    Bad("no frames a second", request(fps=0), "fps"),
    Bad("backwards", request(fps=-50), "fps"),
    Bad("too fast", request(fps=1e9), "fps"),
    Bad("fps in text", request(fps="50"), "fps", over=JSON_ONLY),
    Bad("a score over one", request(min_score=1.5), "min_score"),
    Bad("a negative score", request(min_score=-0.1), "min_score"),
    Bad("mirrored by number", request(flip_augmentation=1), "flip_augmentation", over=JSON_ONLY),
    Bad("a frame number too large", _one_clip(first_frame=2**53), "clips[0].first_frame"),
    Bad("a frame number below 0", _one_clip(first_frame=-1), "clips[0].first_frame", over=JSON_ONLY),
    Bad("a frame number that is none", _one_clip(first_frame=1.5), "clips[0].first_frame", over=JSON_ONLY),
    Bad("timestamps that fall", request_of(keypoints(3), timestamps_s=[0, 2, 1]), "clips[0].timestamps_s[2]"),
    Bad("too few timestamps", request_of(keypoints(3), timestamps_s=[0, 1]), "clips[0].timestamps_s"),
    Bad("timestamps in words", request_of(keypoints(3), timestamps_s=["a", "b", "c"]), "clips[0].timestamps_s", over=JSON_ONLY),
    Bad("normalised coordinates as pixels", request([[[0.5 + j / 99, j / 30, 1] for j in range(17)]] * 9), "clips[0].keypoints"),
    Bad("a person in one point", request([[[400, 300, 1]] * 17] * 9), "clips[0].keypoints"),
    Bad("too tall", request(person_height_m=9.0), "person_height_m"),
    Bad("unknown coordinates", request(coordinates="metres"), "coordinates", over=JSON_ONLY),
    Bad("smoothed for too long", request(smoothing_s=1.5), "smoothing_s"),
    Bad("smoothed backwards", request(smoothing_s=-0.1), "smoothing_s"),
    Bad("still feet nowhere", request(ground_contact=True, model="symmetric"), "ground_contact"),
    Bad("constant bone lengths by number", request(constant_bone_lengths=1), "constant_bone_lengths", over=JSON_ONLY),
    Bad("unknown axes", request(axes="x_up"), "axes", over=JSON_ONLY),
    Bad("unknown format", request(keypoint_format="coco18"), "keypoint_format"),
    Bad("unknown model", request(model="best"), "model"),
    Bad("a model without a name", request(model=""), "model"),
    Bad("a model with a very long name", request(model="x" * 10_000), "model"),
    Bad("an unknown field", request(flip=True), "flip", over=JSON_ONLY),
    Bad("an unknown field of a camera", request(camera={**CAMERA, "fov": 50}), "camera.fov", over=JSON_ONLY),
    Bad("an unknown field of a clip", _one_clip(score=1), "clips[0].score", over=JSON_ONLY),
    Bad("many unknown fields", request(**{f"field{i}": i for i in range(500)}), "field0", over=JSON_ONLY),
    Bad("an id that is a number", _one_clip(id=7), "clips[0].id", over=JSON_ONLY),
    Bad("an endless id", _one_clip(id="x" * 100_000), "clips[0].id"),
    Bad(
        "an id given twice",
        {"image_size": SIZE, "clips": [{"id": "a", "keypoints": _CLIP}] * 2},
        "clips[1].id",
    ),
    # Limits: these concern the whole request, and name no place.
    Bad("too many clips", request(*[[_CLIP[0]]] * 51), "", "too-large"),
    Bad("too many frames", request([_CLIP[0]] * 20_001), "", "too-large"),
    Bad("too many frames in all", request(*[[_CLIP[0]] * 4_001] * 5), "", "too-large"),
)
# fmt: on
