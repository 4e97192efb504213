"""The suite: served models measured on held-out people and on real ones, as tables and as JSON."""

import json
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from tqdm import tqdm

from poselift.errors import InvalidInput
from poselift.postprocess.pipeline import Postprocessing
from poselift.runtime.clip import ClipModel
from training.data.datasets.motion import MotionSet
from training.evaluation.clip_errors import MEAN, OVERALL, by_action
from training.evaluation.pages import Rows, table
from training.evaluation.wild.detectors import detector_errors, openpose_errors, simulated
from training.evaluation.wild.downloads import Downloads
from training.evaluation.wild.expected_errors import (
    Calibration,
    has_expected_errors,
    measure_calibration,
)
from training.evaluation.wild.held_out import (
    CLEAN,
    EVERY_CONDITION,
    FRAME_RATES,
    HEIGHTS_M,
    NOISY,
    SIMULATED,
    Measured,
    ServedAs,
    long_enough,
    measured,
    occluded_side,
    overall,
)
from training.evaluation.wild.real import (
    balancing,
    balancing_by_mediapipe,
    balancing_of_mediapipe,
    limbs_of,
    mediapipe_on_video,
    of_trial,
    on_video,
)
from training.evaluation.wild.videos import Video, videos

MEDIAPIPE = "MediaPipe's own 3D"
NOISE_LEVELS = (0.5, 1.0, 1.5)
"""Of the simulated detector noise: training goes up to the last, ``noisy`` is the middle one."""
POSTPROCESSING = {
    "smoothing_s 0.2": ServedAs(Postprocessing(smoothing_s=0.2)),
    "smoothing_s 0.5": ServedAs(Postprocessing(smoothing_s=0.5)),
    "constant_bone_lengths": ServedAs(Postprocessing(constant_bone_lengths=True)),
    "ground_contact": ServedAs(Postprocessing(ground_contact=True)),
    "smoothing_s 0.2 and ground_contact": ServedAs(
        Postprocessing(smoothing_s=0.2, ground_contact=True)
    ),
}
LIVE_SMOOTHING_S = 0.1
LIVE_POSTPROCESSING = {
    f"live, smoothing_s {LIVE_SMOOTHING_S:g}": ServedAs(live_smoothing_s=LIVE_SMOOTHING_S)
}
"""For models that see only the past."""
_FURTHER_METRICS = {
    "P-MPJPE": "P-MPJPE",
    "MPJVE": "MPJVE (mm a frame)",
    "relative": "trajectory (% of its distance)",
    "steps": "trajectory's steps (mm a frame)",
    "foot slip": "slip of standing feet (mm a frame)",
}
"""Further metrics of a condition, and their names in rows."""


@dataclass
class Results:
    """All that was measured."""

    versions: dict[str, str] = field(default_factory=dict)
    """Of the models: hashes of their weights."""
    held_out: Rows = field(default_factory=lambda: defaultdict(dict))
    """MPJPE in millimetres unless the row says otherwise."""
    real: Rows = field(default_factory=lambda: defaultdict(dict))
    detectors: Rows = field(default_factory=lambda: defaultdict(dict))
    """DetectorErrors by detector."""
    expected_errors: Rows = field(default_factory=lambda: defaultdict(dict))
    calibrations: dict[str, dict[str, Calibration]] = field(default_factory=dict)
    """Of the models with expected errors, by condition."""


def measure_models(
    folders: Sequence[Path], data: Path, downloads: Downloads, detections: Path
) -> Results:
    """Measure model folders.

    Args:
        folders: of models.
        data: prepared motion, whose held-out clips are used.
        downloads: where videos and the detector come from.
        detections: where what the detector found is kept.

    Raises:
        InvalidInput: the data is not prepared motion.
        ModelError: a folder is no model.
    """
    lifters = {folder.name: ClipModel.load(folder, provider="cpu") for folder in folders}
    motions = MotionSet.load(data).split(held_out=True)
    if len(long_enough(motions)[0]) == 0:
        raise InvalidInput.at(str(data), "a held-out clip of two seconds or more")
    found_videos = videos(downloads, detections)
    results = Results({name: lifter.card.version for name, lifter in lifters.items()})
    _real_peer(results, found_videos)
    _detectors(results, found_videos)
    for name, lifter in tqdm(lifters.items(), unit="model"):
        _held_out(results, name, lifter, motions)
        if has_expected_errors(lifter):
            _expected_errors(results, name, lifter, motions)
        _real(results, name, lifter, found_videos)
    return results


def _held_out(results: Results, name: str, lifter: ClipModel, motions: MotionSet) -> None:
    rows = results.held_out
    for rate in FRAME_RATES:
        every = round(motions.fps / rate)
        for kind, condition in (("clean", CLEAN), ("noisy", NOISY)):
            found = measured(lifter, motions, condition, every)
            errors = overall(found)
            what = f"{kind}, {rate} fps"
            rows[what][name] = errors["MPJPE"]
            if every == 1:
                _more(rows, name, what, errors)
                _groups(rows, name, kind, found)
    is_causal = lifter.card.architecture.causal
    for what, postprocess in (POSTPROCESSING | (LIVE_POSTPROCESSING if is_causal else {})).items():
        errors = overall(measured(lifter, motions, NOISY, served_as=postprocess))
        rows[f"noisy, {what}"][name] = errors["MPJPE"]
        _more(rows, name, f"noisy, {what}", errors)
    for what, condition in SIMULATED.items():
        rows[what][name] = overall(measured(lifter, motions, condition))["MPJPE"]
    side = occluded_side(lifter, motions)
    rows["clean, the frames of the next rows"][name] = side.visible_mm
    rows["half of one side occluded for a second"][name] = side.occluded_mm
    rows["its worst moment, on average over clips"][name] = side.worst_mm
    rows["clips with a frame worse than twice clean (%)"][name] = side.occluded_spikes * 100
    rows["such clips with everything visible (%)"][name] = side.visible_spikes * 100


def _expected_errors(results: Results, name: str, lifter: ClipModel, motions: MotionSet) -> None:
    results.calibrations[name] = {}
    for what, condition in EVERY_CONDITION.items():
        found = measure_calibration(lifter, motions, condition)
        results.calibrations[name][what] = found
        values = {
            "expected, on average": float(found.expected_mm.mean()),
            "true, on average": float(found.true_mm.mean()),
            "tenths are off by (%)": found.calibration_error * 100,
            "rank correlation (%)": found.rank_correlation * 100,
        }
        for measure, value in values.items():
            results.expected_errors[f"{what}: {measure}"][name] = value


def _more(rows: Rows, name: str, what: str, errors: Mapping[str, float]) -> None:
    for metric, unit in _FURTHER_METRICS.items():
        if metric in errors:
            rows[f"{what}: {unit}"][name] = errors[metric]


def _groups(rows: Rows, name: str, condition: str, found: list[Measured]) -> None:
    for action, errors in by_action([clip.errors for clip in found]).items():
        if action not in {MEAN, OVERALL}:
            rows[f"{condition}: {action}"][name] = errors["MPJPE"]
    for height, (low, high) in HEIGHTS_M.items():
        group = [clip for clip in found if low <= clip.camera_height_m < high]
        if group:
            rows[f"{condition}: {height} camera"][name] = overall(group)["MPJPE"]


def _real(results: Results, name: str, lifter: ClipModel, found_videos: list[Video]) -> None:
    rows = results.real
    _balancing(rows, name, balancing(lifter))
    by_mediapipe = _mean(balancing_by_mediapipe(lifter, found_videos))
    rows["balancing, mean by MediaPipe's keypoints: P-MPJPE (mm)"][name] = by_mediapipe
    for video in found_videos:
        measures = on_video(lifter, video)
        for measure, value in _percent(asdict(measures)).items():
            rows[f"{video.name}: {measure}"][name] = value
        if lifter.card.architecture.causal:
            smoothed = on_video(lifter, video, LIVE_SMOOTHING_S)
            what = f"{video.name}: jitter, live, smoothing_s {LIVE_SMOOTHING_S:g} (m/s²)"
            rows[what][name] = smoothed.jitter


def _real_peer(results: Results, found_videos: list[Video]) -> None:
    rows = results.real
    _balancing(rows, MEDIAPIPE, balancing_of_mediapipe(found_videos))
    for video in found_videos:
        for measure, value in _percent(asdict(mediapipe_on_video(video))).items():
            rows[f"{video.name}: {measure}"][MEDIAPIPE] = value


def _balancing(rows: Rows, name: str, errors: Mapping[str, float]) -> None:
    for camera, error in errors.items():
        rows[f"balancing, {camera}: P-MPJPE (mm)"][name] = error
    rows["balancing, mean: P-MPJPE (mm)"][name] = _mean(errors)


def _detectors(results: Results, found_videos: list[Video]) -> None:
    mediapipe = {
        camera: limbs_of(video.keypoints_TJ3) for camera, video in of_trial(found_videos).items()
    }
    found = {"OpenPose": openpose_errors(), "MediaPipe": detector_errors(mediapipe)}
    found |= {f"simulated, noise {level:g}": simulated(level) for level in NOISE_LEVELS}
    for name, habit in found.items():
        rows = {
            "median error (% of extent)": habit.size * 100,
            "99th percentile over median": habit.tail,
            "median change from frame to frame (% of extent)": habit.step * 100,
            "correlation with 0.1 s later (%)": habit.autocorrelation * 100,
            "wrists and ankles over shoulders and hips": habit.outer,
            "missing (%)": habit.missing * 100,
            "rank correlation of scores with errors (%)": habit.score_correlation * 100,
        }
        for what, value in rows.items():
            results.detectors[what][name] = value


def _percent(values: Mapping[str, float]) -> dict[str, float]:
    return {
        "jitter (m/s²)": values["jitter"],
        "change of bone lengths (%)": values["bone_variation"] * 100,
        "reprojection error (% of extent)": values["reprojection"] * 100,
    }


def _mean(values: Mapping[str, float]) -> float:
    return float(np.mean(list(values.values())))


def as_markdown(results: Results) -> str:
    """All tables, and which models they are of."""
    names = list(results.versions)
    detectors = list(dict.fromkeys(name for row in results.detectors.values() for name in row))
    models = ", ".join(f"`{name}` {version}" for name, version in results.versions.items())
    return (
        f"Models: {models}.\n\n"
        "Held-out people, MPJPE in millimetres over all 17 joints unless said:\n\n"
        f"{table(results.held_out, names)}\n"
        "Expected and true errors, of all joints but the root, in millimetres unless said; "
        "tenths are of all joints, sorted by what is expected of them:\n\n"
        f"{table(results.expected_errors, names)}\n"
        "Real people, over the twelve limb joints:\n\n"
        f"{table(results.real, [*names, MEDIAPIPE])}\n"
        "What detectors get wrong in the trial, a constant offset of each joint taken away; the "
        "truth is made of OpenPose's keypoints, which makes it look better than it is:\n\n"
        f"{table(results.detectors, detectors)}"
    )


def as_json(results: Results) -> str:
    """All numbers; null where there is none."""
    content = {
        "versions": results.versions,
        **{
            part: {
                what: {name: None if math.isnan(v) else round(v, 2) for name, v in values.items()}
                for what, values in rows.items()
            }
            for part, rows in (
                ("held_out", results.held_out),
                ("expected_errors", results.expected_errors),
                ("real", results.real),
                ("detectors", results.detectors),
            )
        },
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"
