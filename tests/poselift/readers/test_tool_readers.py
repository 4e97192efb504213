"""What is read from the files of tools: the right numbers, and what is wrong with wrong ones."""

import builtins
import io
import json
import zipfile

import h5py
import numpy as np
import pytest

import poselift
from poselift.errors import InvalidInput
from poselift.formats import FORMATS
from poselift.readers import numpy_files
from poselift.readers.joint_labels import joint_named
from poselift.readers.source import Source
from tests.poselift.readers.example import FRAMES, HEIGHT, WIDTH, dumps, walker
from tests.poselift.readers.examples import EXAMPLES, write
from tests.poselift.readers.tool_examples import (
    COCO,
    MEDIAPIPE,
    MOVENET,
    NORMALIZED,
    SIZE,
    TOOL_EXAMPLES,
    by_id,
    coco_objects,
    deeplabcut,
    deeplabcut_hdf5,
    landmarks,
    lift_message,
    lift_request,
    lines,
    npy,
    npz,
    sleap,
    wide,
)

SCORE = str(float(np.float32(0.9)))
WITHOUT_SCORES = {
    "array of places",
    "videopose3d",
    "videopose3d two videos",
    "deeplabcut labels",
    "deeplabcut hdf5 fixed",
    "freemocap",
}


def read(name: str, content: object, **options: object) -> poselift.Clips:
    text = content if isinstance(content, str | bytes) else dumps(content)
    data = text.encode() if isinstance(text, str) else text
    return poselift.read(Source.of_bytes(name, data), **options)


@pytest.mark.parametrize("name", TOOL_EXAMPLES)
def test_the_numbers_are_those_that_were_written(name, tmp_path):
    example = EXAMPLES[name]
    clip = poselift.read(write(example, tmp_path))[0]
    expected = walker(0, example.keypoint_format)
    if example.coordinates == "normalized":
        expected = expected / SIZE
    if name in WITHOUT_SCORES:
        expected[..., 2] = 1
    found = clip.keypoints
    is_there = found[..., 2] > 0
    assert is_there.mean() > 0.7
    np.testing.assert_allclose(found[is_there], expected[is_there], rtol=1e-5)
    assert is_there.all() or "by id" in name


class TestLandmarks:
    def test_joints_left_out_are_missing(self):
        clip = read("joints.json", [{"keypoints": by_id(frame)} for frame in range(FRAMES)])[0]
        for frame in range(FRAMES):
            sent = {joint["id"] for joint in by_id(frame)}
            assert set(np.flatnonzero(clip.keypoints[frame, :, 2])) == sent

    def test_times_and_frame_numbers_are_kept(self):
        content = [
            {"frame": 10 + 2 * f, "timestamp_ms": 50 * f, "landmarks": landmarks(f)}
            for f in range(FRAMES)
        ]
        clip = read("landmarks.json", content)[0]
        assert clip.first_frame == 10
        assert len(clip) == 2 * FRAMES - 1
        np.testing.assert_allclose(clip.timestamps_s, 0.025 * np.arange(2 * FRAMES - 1))

    def test_frames_without_anyone(self):
        content = [None, [], {"landmarks": []}, landmarks(), None, landmarks()]
        clip = read("landmarks.json", content)[0]
        assert clip.first_frame == 3
        assert len(clip) == 3
        assert not clip.keypoints[1].any()

    def test_names_in_another_order_and_spelling(self):
        def spelled(joint: str) -> str:
            side, _, rest = joint.partition("_")
            return rest + side.title() if rest and side in {"left", "right"} else joint

        named = [
            [{**each, "name": spelled(each["name"])} for each in reversed(coco_objects(frame))]
            for frame in range(FRAMES)
        ]
        clip = read("poses.json", [{"keypoints": joints} for joints in named])[0]
        np.testing.assert_allclose(clip.keypoints, walker(), rtol=1e-6)

    def test_pixels_of_mediapipe_stay_pixels(self):
        content = [
            [{**e, "x": e["x"] * WIDTH, "y": e["y"] * HEIGHT} for e in landmarks(frame)]
            for frame in range(FRAMES)
        ]
        clips = read("landmarks.json", content)
        assert clips.coordinates == "pixels"
        np.testing.assert_allclose(clips[0].keypoints, walker(0, "mediapipe33"), rtol=1e-5)

    @pytest.mark.parametrize(
        ("content", "where"),
        [
            ([landmarks(), [*landmarks()[:5], {"x": 1}]], "frame 1, landmark 5: expected x and y"),
            ([landmarks(), 7], "frame 1: expected landmarks of people, found int"),
            ([[*by_id(0), by_id(0)[0]]], "each joint once; 1 is there twice"),
            (
                [[{**by_id(0)[0], "id": 500}]],
                r"numbers of joints up to 16 \(coco17\), .*; found 500",
            ),
            ([[*by_id(0), {**by_id(0)[0], "id": -1}]], "numbers of joints from 0, found -1"),
            (
                [[{**e, "name": f"part {i}"} for i, e in enumerate(coco_objects(0))]],
                "labels of a person's joints",
            ),
            ([{"frame": 0.5, "landmarks": landmarks()}], "a frame's number, found '0.5'"),
            ([[[[[[[[landmarks()]]]]]]]], "a known format"),
        ],
    )
    def test_malformed(self, content, where):
        with pytest.raises(InvalidInput, match=where):
            read("landmarks.json", content)

    @pytest.mark.parametrize("holder", ["landmarks", "poseLandmarks", "keypoints", "poses"])
    def test_a_few_lists_of_landmarks_may_be_frames_or_people(self, holder):
        both = [landmarks(0), landmarks(0, 1)]
        with pytest.raises(InvalidInput, match=r"frames or people; .* with 2 lists of landmarks"):
            read("landmarks.json", {holder: both})
        for said, first_frames in (("people", [0, 0]), ("frames", [0, 1])):
            clips = read("landmarks.json", {said: both})
            assert [clip.first_frame for clip in clips] == first_frames
        assert [len(clip) for clip in read("landmarks.json", {holder: both[:1]})] == [1]
        assert [len(clip) for clip in read("landmarks.json", {holder: both[:1] * 30})] == [30]

    @pytest.mark.parametrize("beside", ["worldLandmarks", "pose_world_landmarks"])
    def test_what_mediapipes_tasks_give_for_an_image_are_its_people(self, beside):
        result = {"landmarks": [landmarks(0), landmarks(0, 1)], beside: [[], []]}
        assert [len(clip) for clip in read("landmarks.json", result)] == [1, 1]
        assert [len(clip) for clip in read("landmarks.json", [result] * 3)] == [3, 3]

    def test_people_with_frames_of_their_own_are_in_those(self):
        rows = [{"frame": n, "landmarks": landmarks(n)} for n in range(4)]
        assert [len(clip) for clip in read("landmarks.json", {"people": rows})] == [4]

    def test_movenet_for_six_people_has_those_with_a_score(self):
        people = np.zeros((FRAMES, 1, 6, 56))
        people[:, 0, 0, :51] = MOVENET.reshape(FRAMES, -1)
        people[:, 0, 0, 55] = 0.8
        clips = read("multipose.json", people.tolist())
        assert len(clips) == 1
        np.testing.assert_allclose(clips[0].keypoints, walker() / SIZE, rtol=1e-5)
        with pytest.raises(InvalidInput, match=r"frame 1: expected \[1\]\[1\]"):
            read("multipose.json", [people[0].tolist(), [[1]]])


class TestTables:
    def test_a_frame_without_anyone_has_empty_cells(self):
        text = wide(list(MEDIAPIPE))
        blank = ",".join(["9", *[""] * (33 * 4)])
        clip = read("landmarks.csv", f"{text}{blank}\n")[0]
        assert len(clip) == FRAMES

    def test_labels_that_are_no_joints_are_told(self):
        header = ["frame", *(f"{name}_{axis}" for name in [*COCO, "ball"] for axis in "xy")]
        rows = [[frame, *walker()[frame, :, :2].ravel().tolist(), 5, 5] for frame in range(FRAMES)]
        clips = read("game.csv", lines([header, *rows]))
        assert clips.keypoint_format == "coco17"
        assert clips.notes == ("labels not used, joints that coco17 lacks: ball",)

    def test_pose_before_face(self):
        header = ["class", *(f"{axis}{n}" for n in range(1, 502) for axis in "xyzv")]
        rows = [
            ["walk", *(v for e in landmarks(f) for v in e.values()), *[0.5] * (468 * 4)]
            for f in range(FRAMES)
        ]
        clips = read("coords.csv", lines([header, *rows]))
        assert clips.keypoint_format == "mediapipe33"
        np.testing.assert_allclose(clips[0].keypoints, walker(0, "mediapipe33") / SIZE, rtol=1e-5)

    @pytest.mark.parametrize(
        ("content", "where"),
        [
            (wide(list(MEDIAPIPE)).replace(SCORE, "good", 1), "line 2: expected a number, found"),
            (wide(list(MEDIAPIPE)) + "4,0.5\n", "line 6: expected 133 cells, found 2"),
            (wide([f"landmark_{n}" for n in range(40, 73)]), "numbers of joints from 0"),
            (wide([f"world_{name}" for name in MEDIAPIPE]), "world landmarks"),
            ("frame,nose_x,nose_y\n0,1,2\n", "a known format"),
        ],
    )
    def test_malformed(self, content, where):
        with pytest.raises(InvalidInput, match=where):
            read("landmarks.csv", content)


class TestArrays:
    def test_y_before_x_is_told(self):
        clips = read("movenet.npy", npy(MOVENET))
        assert "y, x, score, as MoveNet writes them" in clips.notes[0]
        falling = np.concatenate([NORMALIZED, MOVENET])
        assert "if they are MoveNet's" in read("falling.npy", npy(falling)).notes[0]
        assert not read("walking.npy", npy(NORMALIZED)).notes

    def test_another_format_of_as_many_joints_can_be_named(self):
        clips = read("keypoints.npy", npy(walker(0, "h36m17")), keypoint_format="h36m17")
        assert clips.keypoint_format == "h36m17"

    def test_an_archive_tells_rate_and_size(self):
        content = npz(keypoints=walker(), fps=25.0, image_size=np.array([640, 480]))
        clips = read("keypoints.npz", content)
        assert (clips.fps, clips.image_size) == (25, (640, 480))

    def test_absent_people_are_nan(self):
        people = np.stack([walker(0), walker(1)], axis=1)
        people[1:3, 1] = np.nan
        clips = read("people.npy", npy(people))
        assert [len(clip.frames_N) for clip in clips] == [FRAMES, FRAMES - 2]

    @pytest.mark.parametrize(
        ("array", "where"),
        [
            (walker()[:, :12], r"found \(4, 12, 3\)"),
            (walker().astype("U"), "an array of numbers, found <U"),
            (np.array([{}, None]), "objects are pickled programs, never run"),
            (np.full((2, 17, 2), np.nan), "at least one detected person"),
            (np.full((2, 17, 2), np.inf), "at least one detected person"),
        ],
    )
    def test_malformed(self, array, where):
        with pytest.raises(InvalidInput, match=where):
            read("keypoints.npy", npy(array))

    def test_several_arrays(self):
        with pytest.raises(InvalidInput, match=r"one array of keypoints.*found a \(4, 17, 3\), b"):
            read("two.npz", npz(a=walker(), b=walker()))
        assert len(read("two.npz", npz(keypoints=walker(), b=walker()))) == 1

    def test_headers_that_promise_too_much_are_refused_before_anything_is_made(self):
        header = io.BytesIO()
        shape = {"descr": "<f4", "fortran_order": False, "shape": (10**9, 17, 2)}
        np.lib.format.write_array_header_1_0(header, shape)
        with pytest.raises(InvalidInput, match="512 MiB at most"):
            read("keypoints.npy", header.getvalue())
        cut = npy(walker())[:-8]
        with pytest.raises(InvalidInput, match=r"816 bytes of numbers, found|an array of NumPy"):
            read("keypoints.npy", cut)

    def test_archives_that_unpack_to_too_much(self, monkeypatch):
        monkeypatch.setattr(numpy_files, "MOST_BYTES", 1000)
        with pytest.raises(InvalidInput, match="unpacked at most"):
            read("keypoints.npz", npz(keypoints=np.zeros((100, 17, 2))))

    def test_damaged_archives(self):
        content = npz(keypoints=walker())
        with pytest.raises(InvalidInput):
            read("keypoints.npz", content[:300] + content[310:])


class TestVideoPose3D:
    def test_size_and_names(self, tmp_path):
        clips = poselift.read(write(EXAMPLES["videopose3d two videos"], tmp_path))
        assert clips.image_size == (WIDTH, HEIGHT)
        assert [clip.id for clip in clips] == ["video0.mp4 custom", "video1.mp4 custom"]

    @pytest.mark.parametrize(
        ("positions", "metadata", "where"),
        [
            ([walker()], {}, "a dictionary, found list"),
            ({"a": {"b": 3}}, {}, "a, b: expected a list of cameras"),
            ({"a": {"b": [walker()[0]]}}, {}, r"\(frames, joints, 2\), found \(17, 3\)"),
            ({"a": {"b": [["x"]]}}, {}, "numbers, found <U1"),
            (
                {"a": {"b": [walker()]}},
                {"video_metadata": {"a": {"w": 9, "h": 9}, "b": {"w": 8, "h": 9}}},
                "videos of one size",
            ),
        ],
    )
    def test_malformed(self, positions, metadata, where):
        box = np.empty((), object)
        box[()] = positions
        with pytest.raises(InvalidInput, match=where):
            read("data.npz", npz(positions_2d=box, metadata=metadata))

    def test_nothing_in_a_pickle_is_run(self, tmp_path):
        class Evil:
            def __reduce__(self):
                return builtins.open, (str(tmp_path / "ran"), "w")

        with pytest.raises(InvalidInput, match="plain values only, found"):
            read("data.npz", npz(positions_2d={"S1": Evil()}, metadata={}))
        assert not (tmp_path / "ran").exists()

    def test_a_pickle_that_remembers_in_far_places_is_refused(self):
        member = io.BytesIO()
        header = {"descr": "|O", "fortran_order": False, "shape": ()}
        np.lib.format.write_array_header_1_0(member, header)
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("positions_2d.npy", member.getvalue() + b"]r\xff\xff\xff\x7f.")
        with pytest.raises(InvalidInput, match="a pickle as NumPy writes it"):
            read("data.npz", file.getvalue())


class TestLabels:
    def test_animals_are_refused(self):
        animal = deeplabcut().replace("wrist", "paw").replace("knee", "tail").replace("hip", "back")
        with pytest.raises(InvalidInput, match="labels of a person's joints, 8 of the arms"):
            read("mouse.csv", animal)

    def test_labels_that_are_not_used_are_told(self):
        clips = read("walk.csv", deeplabcut().replace("left_ear", "ball"))
        assert clips.notes == ("labels not used, joints that coco17 lacks: ball",)
        assert not clips[0].keypoints[:, COCO.index("left_ear")].any()

    def test_two_labels_for_one_joint(self):
        with pytest.raises(InvalidInput, match="'nose' and 'Nose' both mean nose"):
            read("walk.csv", deeplabcut().replace("left_ear", "Nose"))

    @pytest.mark.parametrize(
        ("content", "where"),
        [
            ("scorer,a\nbodyparts,nose\n0,1\n", "a line of coords"),
            (deeplabcut().replace(SCORE, "high", 1), "line 4: expected a number, found 'high"),
            (deeplabcut() + "4,1,2\n", "line 8: expected 52 cells, found 3"),
        ],
    )
    def test_malformed_tables(self, content, where):
        with pytest.raises(InvalidInput, match=where):
            read("walk.csv", content)

    @pytest.mark.parametrize("content", [deeplabcut_hdf5(), sleap()], ids=["deeplabcut", "sleap"])
    def test_damaged_hdf5(self, content):
        with pytest.raises(InvalidInput):
            read("walk.h5", content[: len(content) // 2])

    def test_values_elsewhere_are_refused(self, tmp_path):
        secret = tmp_path / "secret"
        secret.write_bytes(bytes(8 * 2 * 17 * 4))
        for make in (self._outside, self._linked):
            path = tmp_path / f"{make.__name__}.h5"
            with h5py.File(path, "w") as root:
                root["node_names"] = np.array(COCO, "S")
                make(root, secret)
            with pytest.raises(InvalidInput, match="values in the file, not"):
                poselift.read(path)

    @staticmethod
    def _outside(root, secret):
        root.create_dataset("tracks", (1, 2, 17, 4), "f8", external=[(str(secret), 0, 1088)])

    @staticmethod
    def _linked(root, secret):
        root["tracks"] = h5py.ExternalLink(str(secret), "tracks")

    def test_sizes_are_checked_before_reading(self):
        file = io.BytesIO()
        with h5py.File(file, "w") as root:
            root["node_names"] = np.array(COCO, "S")
            root.create_dataset("tracks", (1, 2, 17, 10**9), "f8", chunks=(1, 2, 17, 1000))
        with pytest.raises(InvalidInput, match="512 MiB at most"):
            read("walk.h5", file.getvalue())

    def test_shapes(self):
        file = io.BytesIO()
        with h5py.File(file, "w") as root:
            root["node_names"] = np.array(COCO, "S")
            root["tracks"] = np.zeros((4, 17, 2))
        with pytest.raises(InvalidInput, match=r"\(tracks, 2, nodes, frames\).*found \(4, 17, 2\)"):
            read("walk.h5", file.getvalue())

    @pytest.mark.parametrize("content", [deeplabcut_hdf5(), sleap()], ids=["deeplabcut", "sleap"])
    def test_without_h5py_the_extra_is_named(self, content, monkeypatch):
        real = builtins.__import__

        def refuse(name, *arguments, **more):
            if name == "h5py":
                raise ImportError(name)
            return real(name, *arguments, **more)

        monkeypatch.setattr(builtins, "__import__", refuse)
        with pytest.raises(InvalidInput, match=r"pip install 'poselift\[readers\]'"):
            read("walk.h5", content)


class TestFreeMoCap:
    def test_shapes(self):
        name = "mediapipe2dData_numCams_numFrames_numTrackedPoints_pixelXY.npy"
        with pytest.raises(InvalidInput, match=r"33 tracked points or more, 2 or 3\), found"):
            read(name, npy(np.zeros((2, 4, 17, 2))))


class TestLiftRequests:
    def test_options_go_along(self):
        content = lift_request(axes="y_up", coordinates="pixels", person_height_m=1.8)
        clips = read("request.json", content)
        assert clips.image_size == (WIDTH, HEIGHT)
        assert clips.fps == 30
        assert clips.extra == {"axes": "y_up", "person_height_m": 1.8}
        assert clips.lift_request()["axes"] == "y_up"

    def test_frames_without_anyone_are_left_out(self):
        content = lift_request()
        content["clips"][0] |= {
            "keypoints": [None] * 5000 + content["clips"][0]["keypoints"] + [None, []],
            "first_frame": 10,
        }
        clip = read("request.json", content)[0]
        assert (clip.first_frame, len(clip)) == (5010, FRAMES)

    def test_missing_joints(self):
        content = lift_request()
        frame = content["clips"][0]["keypoints"][0]
        frame[:4] = [None, [None, None, 0], [0, 0], [-1, -1]]
        frame[4] = frame[4][:2]
        clip = read("request.json", content)[0]
        assert clip.keypoints[0, :, 2].tolist() == pytest.approx([0] * 4 + [1] + [0.9] * 12)

    def test_protobuf_is_the_same(self):
        clips = read("request.pb", lift_message(2))
        assert [clip.first_frame for clip in clips] == [7, 7]
        same = read("request.json", lift_request(2))
        for one, other in zip(clips, same, strict=True):
            np.testing.assert_array_equal(one.keypoints, other.keypoints)
        with pytest.raises(InvalidInput, match=r"a poselift\.v1\.LiftRequest in protobuf"):
            read("request.pb", b"\xff\xff")

    @pytest.mark.parametrize(
        ("change", "where"),
        [
            ({"fsp": 30}, "fsp: expected no field of this name"),
            ({"clips": []}, "clips: expected a list of at least one clip"),
            ({"clips": [7]}, r"clips\[0\]: expected an object with keypoints"),
            ({"clips": [{"keypoints": []}]}, r"clips\[0\].keypoints: expected a list of at least"),
            (
                {"clips": [{"keypoints": [[[1, 2]]]}]},
                r"keypoints\[0\]: expected 17 joints, found 1",
            ),
            (
                {"clips": [{"keypoints": [[["a", 2]] * 17]}]},
                r"keypoints\[0\]\[0\]: expected \[x, y\] or",
            ),
            ({"clips": [{"keypoint": []}]}, r"clips\[0\].keypoint: expected no field"),
            ({"keypoint_format": "coco"}, "keypoint_format: expected one of"),
            ({"coordinates": "cm"}, "coordinates: expected pixels or normalized"),
            ({"image_size": [1]}, r"image_size: expected \[width, height\]"),
            ({"fps": "30"}, "fps: expected a number"),
        ],
    )
    def test_malformed(self, change, where):
        with pytest.raises(InvalidInput, match=where):
            read("request.json", lift_request() | change)

    def test_what_is_no_json(self):
        with pytest.raises(InvalidInput, match=r"request\.json: expected JSON"):
            read("request.json", json.dumps(lift_request())[:-5])


def test_every_label_of_the_formats_means_its_joint():
    for format_ in FORMATS.values():
        for joint in format_.joints:
            if not joint.startswith(("face_", "left_hand_", "right_hand_")):
                words = joint.split("_")
                camel = "".join(word.title() for word in words)
                for label in (joint, joint.upper(), joint.replace("_", " "), camel):
                    assert joint_named(label) == joint, label
    for label, joint in {
        "RKnee": "right_knee",
        "l_shoulder": "left_shoulder",
        "lshoulder": "left_shoulder",
        "Right Wrist": "right_wrist",
        "mouth_left": "left_mouth",
        "left_eye_(inner)": "left_eye_inner",
        "ankle_r": "right_ankle",
        "tail": None,
        "left": None,
        "": None,
    }.items():
        assert joint_named(label) == joint


def numbered(keypoint_format, numbers, scale=(1.0, 1.0)):
    """Frames of joints with these ids alone."""
    return [
        [
            {"id": i, "x": x * scale[0], "y": y * scale[1], "confidence": s}
            for i, (x, y, s) in enumerate(joints)
            if i in numbers
        ]
        for joints in walker(0, keypoint_format).tolist()
    ]


@pytest.mark.parametrize("scale", [(1.0, 1.0), (1 / WIDTH, 1 / HEIGHT)])
@pytest.mark.parametrize(
    ("keypoint_format", "numbers", "is_sure"),
    [
        ("mediapipe33", range(11, 25), False),
        ("mediapipe33", range(25), False),
        ("openpose_body25", range(1, 15), False),
        ("openpose_coco18", range(2, 14), False),
        ("halpe26", range(23), False),
        ("coco17", range(17), True),
        ("coco17", [0, *range(5, 17)], True),
        ("openpose_body25", [0, *range(2, 25)], True),
        ("halpe26", range(5, 26), True),
    ],
)
def test_the_highest_number_tells_the_format_where_limbs_agree(
    keypoint_format, numbers, is_sure, scale
):
    content = numbered(keypoint_format, numbers, scale)
    told = read("joints.json", content, keypoint_format=keypoint_format)
    assert told[0].keypoints.shape == walker(0, keypoint_format).shape
    if is_sure:
        assert read("joints.json", content).keypoint_format == keypoint_format
    else:
        expected = rf"numbers up to {max(numbers)}, which may be .*{keypoint_format}"
        with pytest.raises(InvalidInput, match=expected):
            read("joints.json", content)
