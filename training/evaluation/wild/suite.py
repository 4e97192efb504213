"""The suite: served models measured on held-out people and on real ones, as tables and as JSON."""

import json
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from tqdm import tqdm

from poselift.errors import InvalidInput
from poselift.postprocess.pipeline import Postprocessing
from poselift.runtime.clip import ClipModel
from training.data.datasets.prepared import MotionSet
from training.evaluation.clip_errors import MEAN, OVERALL, by_action
from training.evaluation.pages import Rows, rendered
from training.evaluation.wild import held_out, real
from training.evaluation.wild.held_out import Calibration
from training.evaluation.wild.rejection import near_gross_errors
from training.evaluation.wild.trial import detector_errors, openpose_errors, simulated
from training.evaluation.wild.videos import Downloads, Video, videos

MEDIAPIPE = "MediaPipe's own 3D"
NOISE_LEVELS = (0.5, 1.0, 1.5)
"""Of the simulated detector noise: training goes up to the last, ``noisy`` is the middle one."""
POSTPROCESSING = {
    "smoothing_s 0.2": held_out.ServedAs(Postprocessing(smoothing_s=0.2)),
    "smoothing_s 0.5": held_out.ServedAs(Postprocessing(smoothing_s=0.5)),
    "constant_bone_lengths": held_out.ServedAs(Postprocessing(constant_bone_lengths=True)),
    "ground_contact": held_out.ServedAs(Postprocessing(ground_contact=True)),
    "smoothing_s 0.2 and ground_contact": held_out.ServedAs(
        Postprocessing(smoothing_s=0.2, ground_contact=True)
    ),
}
LIVE_SMOOTHING_S = 0.1
LIVE_POSTPROCESSING = {
    f"live, smoothing_s {LIVE_SMOOTHING_S:g}": held_out.ServedAs(live_smoothing_s=LIVE_SMOOTHING_S)
}
"""For models that see only the past."""
_FURTHER_METRICS = {
    "P-MPJPE": "P-MPJPE",
    "MPJVE": "MPJVE (mm a frame)",
    "relative": "trajectory (% of its distance)",
    "steps": "trajectory's frame-to-frame error (mm)",
    "foot slip": "slip of standing feet (mm a frame)",
}
"""Further metrics of a condition, and their names in rows."""


Values = dict[str, float]
"""One column of a table: numbers by row."""


@dataclass
class Results:
    """All that was measured."""

    versions: dict[str, str] = field(default_factory=dict)
    """Of the models: hashes of their weights."""
    held_out: Rows = field(default_factory=lambda: defaultdict(dict))
    """MPJPE in millimetres unless the row says otherwise."""
    expected_errors: Rows = field(default_factory=lambda: defaultdict(dict))
    real: Rows = field(default_factory=lambda: defaultdict(dict))
    detectors: Rows = field(default_factory=lambda: defaultdict(dict))
    calibrations: dict[str, dict[str, Calibration]] = field(default_factory=dict)


def measure_models(
    folders: Sequence[Path], data: Path, downloads: Downloads, detections: Path
) -> Results:
    """Measure model folders on the held-out clips of prepared motion, and on real videos.

    ``detections`` is the folder where what the detector found is kept.
    """
    lifters = {folder.name: ClipModel.load(folder, provider="cpu") for folder in folders}
    motions = MotionSet.load(data).split(held_out=True)
    if len(held_out.long_enough(motions)[0]) == 0:
        raise InvalidInput.at(str(data), "a held-out clip of two seconds or more")
    found_videos = videos(downloads, detections)
    results = Results({name: lifter.card.version for name, lifter in lifters.items()})
    _add(results.real, MEDIAPIPE, _real_peer(found_videos))
    for detector, values in _detectors(found_videos).items():
        _add(results.detectors, detector, values)
    for name, lifter in tqdm(lifters.items(), unit="model"):
        _add(results.held_out, name, _held_out(lifter, motions))
        if "expected_errors" in lifter.card.graph.outputs:
            found = {
                what: held_out.measure_calibration(lifter, motions, condition)
                for what, condition in held_out.EVERY_CONDITION.items()
            }
            results.calibrations[name] = found
            _add(results.expected_errors, name, _expected_errors(found))
        _add(results.real, name, _real(lifter, found_videos))
    return results


def _add(rows: Rows, column: str, values: Values) -> None:
    for what, value in values.items():
        rows[what][column] = value


def _held_out(lifter: ClipModel, motions: MotionSet) -> Values:
    values: Values = {}
    for rate in held_out.FRAME_RATES:
        every = round(motions.fps / rate)
        for kind, condition in (("clean", held_out.CLEAN), ("noisy", held_out.NOISY)):
            found = held_out.measured(lifter, motions, condition, every)
            if every == 1:
                values |= _further(f"{kind}, {rate} fps", held_out.overall(found)) | _groups(
                    kind, found
                )
            else:
                values[f"{kind}, {rate} fps"] = held_out.overall(found)["MPJPE"]
    is_causal = lifter.card.architecture.causal
    for what, postprocess in (POSTPROCESSING | (LIVE_POSTPROCESSING if is_causal else {})).items():
        errors = held_out.overall(
            held_out.measured(lifter, motions, held_out.NOISY, served_as=postprocess)
        )
        values |= _further(f"noisy, {what}", errors)
    values |= _gross_errors(lifter, motions)
    for what, condition in held_out.SIMULATED.items():
        values[what] = held_out.overall(held_out.measured(lifter, motions, condition))["MPJPE"]
    side = held_out.occluded_side(lifter, motions)
    return values | {
        "clean, the frames of the next rows": side.visible_mm,
        "half of one side occluded for a second": side.occluded_mm,
        "its worst moment, on average over clips": side.worst_mm,
        "clips with a frame worse than twice clean (%)": side.occluded_spikes * 100,
        "such clips with nothing occluded (%)": side.visible_spikes * 100,
    }


def _gross_errors(lifter: ClipModel, motions: MotionSet) -> Values:
    near = near_gross_errors(lifter, motions)
    found = held_out.measured(lifter, motions, held_out.GROSS_ERRORS)
    return {
        "gross errors": held_out.overall(found)["MPJPE"],
        "gross errors: frames near them": near.rejected,
        "gross errors: those frames, outliers not rejected": near.kept,
        "gross errors: those frames without the errors": near.without_them,
        "gross errors: those frames, 99th percentile": near.rejected_worst,
        "gross errors: those frames, 99th percentile, outliers not rejected": near.kept_worst,
    }


def _further(what: str, errors: Mapping[str, float]) -> Values:
    further = {
        f"{what}: {unit}": errors[metric]
        for metric, unit in _FURTHER_METRICS.items()
        if metric in errors
    }
    return {what: errors["MPJPE"], **further}


def _groups(condition: str, found: list[held_out.Measured]) -> Values:
    """By action, and by the camera's height."""
    values = {
        f"{condition}: {action}": errors["MPJPE"]
        for action, errors in by_action([clip.errors for clip in found]).items()
        if action not in {MEAN, OVERALL}
    }
    for height, (low, high) in held_out.HEIGHTS_M.items():
        group = [clip for clip in found if low <= clip.camera_height_m < high]
        if group:
            values[f"{condition}: {height} camera"] = held_out.overall(group)["MPJPE"]
    return values


def _expected_errors(found: Mapping[str, Calibration]) -> Values:
    values: Values = {}
    for what, each in found.items():
        values |= {
            f"{what}: expected, on average": float(each.expected_mm.mean()),
            f"{what}: true, on average": float(each.true_mm.mean()),
            f"{what}: tenths are off by (%)": each.calibration_error * 100,
            f"{what}: rank correlation (%)": each.rank_correlation * 100,
        }
    return values


def _real(lifter: ClipModel, found_videos: list[Video]) -> Values:
    by_mediapipe = _mean(real.balancing_by_mediapipe(lifter, found_videos))
    values = _balancing(real.balancing(lifter)) | {
        "balancing, mean by MediaPipe's keypoints: P-MPJPE (mm)": by_mediapipe
    }
    for video in found_videos:
        values |= _on_video(video, real.on_video(lifter, video))
        if lifter.card.architecture.causal:
            what = f"{video.name}: jitter, live, smoothing_s {LIVE_SMOOTHING_S:g} (m/s²)"
            values[what] = real.on_video(lifter, video, LIVE_SMOOTHING_S).jitter
    return values


def _real_peer(found_videos: list[Video]) -> Values:
    values = _balancing(real.balancing_of_mediapipe(found_videos))
    for video in found_videos:
        values |= _on_video(video, real.mediapipe_on_video(video))
    return values


def _balancing(errors: Mapping[str, float]) -> Values:
    cameras = {f"balancing, {camera}: P-MPJPE (mm)": error for camera, error in errors.items()}
    return cameras | {"balancing, mean: P-MPJPE (mm)": _mean(errors)}


def _on_video(video: Video, measures: real.VideoMeasures) -> Values:
    return {
        f"{video.name}: jitter (m/s²)": measures.jitter,
        f"{video.name}: change of bone lengths (%)": measures.bone_variation * 100,
        f"{video.name}: reprojection error (% of extent)": measures.reprojection * 100,
    }


def _detectors(found_videos: list[Video]) -> dict[str, Values]:
    mediapipe = {
        camera: real.limbs_of(video.keypoints_TJ3)
        for camera, video in real.of_trial(found_videos).items()
    }
    found = {"OpenPose": openpose_errors(), "MediaPipe": detector_errors(mediapipe)}
    found |= {f"simulated, noise {level:g}": simulated(level) for level in NOISE_LEVELS}
    return {
        name: {
            "median error (% of extent)": errors.size * 100,
            "99th percentile over median": errors.tail,
            "median change from frame to frame (% of extent)": errors.step * 100,
            "correlation with 0.1 s later (%)": errors.autocorrelation * 100,
            "wrists and ankles over shoulders and hips": errors.outer,
            "missing (%)": errors.missing * 100,
            "rank correlation of scores with errors (%)": errors.score_correlation * 100,
        }
        for name, errors in found.items()
    }


def _mean(values: Mapping[str, float]) -> float:
    return float(np.mean(list(values.values())))


def as_markdown(results: Results) -> str:
    """All tables, and which models they are of."""
    detectors = dict.fromkeys(name for row in results.detectors.values() for name in row)
    return rendered(
        Path(__file__).with_name("suite.md.j2"),
        **vars(results),
        detector_names=list(detectors),
        mediapipe=MEDIAPIPE,
    )


def as_json(results: Results) -> str:
    """All numbers; null where there is none."""
    content = {
        "versions": results.versions,
        **{
            part: {
                what: {name: None if math.isnan(v) else round(v, 2) for name, v in values.items()}
                for what, values in getattr(results, part).items()
            }
            for part in ("held_out", "expected_errors", "real", "detectors")
        },
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"
