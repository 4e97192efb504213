"""The suite: served models measured on held-out people and on real ones, as tables and as JSON."""

import json
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from poselift.errors import InvalidInput
from poselift.runtime.clip import ClipModel
from training.augmentation.joint_definitions import FAMILIES
from training.data.datasets.prepared import MotionSet
from training.evaluation.pages import Rows, rendered
from training.evaluation.wild import everyday, held_out, real
from training.evaluation.wild import figure as made_up
from training.evaluation.wild.calibration import Calibration, measure_calibration
from training.evaluation.wild.held_out_rows import (
    LIVE_SMOOTHING_S,
    HeldOutRows,
    definition_rows,
    held_out_rows,
)
from training.evaluation.wild.trial import detector_errors, openpose_errors, simulated
from training.evaluation.wild.videos import Downloads, Video, videos

MEDIAPIPE = "MediaPipe's own 3D"
NOISE_LEVELS = (0.5, 1.0, 1.5)
"""Of the simulated detector noise: training goes up to the last, ``noisy`` is the middle one."""

Values = dict[str, float]
"""One column of a table: numbers by row."""


def _rows() -> Rows:
    return defaultdict(dict)


@dataclass
class Results:
    """All that was measured."""

    versions: dict[str, str] = field(default_factory=dict)
    """Of the models: hashes of their weights."""
    held_out: Rows = field(default_factory=_rows)
    """MPJPE in millimetres unless the row says otherwise."""
    angles: Rows = field(default_factory=_rows)
    """Errors of joint angles in degrees, in rows of the same names."""
    everyday: dict[str, Rows] = field(default_factory=dict)
    """By model, then by file and action."""
    definitions: Rows = field(default_factory=_rows)
    """Where detectors put joints elsewhere."""
    figure: Rows = field(default_factory=_rows)
    """Degrees."""
    expected_errors: Rows = field(default_factory=_rows)
    real: Rows = field(default_factory=_rows)
    detectors: Rows = field(default_factory=_rows)
    calibrations: dict[str, dict[str, Calibration]] = field(default_factory=dict)
    figures: dict[str, made_up.Figures] = field(default_factory=dict)


TABLES = ("held_out", "angles", "definitions", "figure", "expected_errors", "real", "detectors")
"""The results that are tables."""


def measure_models(
    lifters: Mapping[str, ClipModel],
    data: Path,
    downloads: Downloads,
    detections: Path,
    everyday_files: Sequence[Path] = (),
) -> Results:
    """Measure models, by their names, on the held-out clips of prepared motion, and on real videos.

    ``detections`` is the folder where what the detector found is kept.
    """
    motions = MotionSet.load(data).split(held_out=True)
    if len(held_out.long_enough(motions)[0]) == 0:
        raise InvalidInput.at(str(data), "a held-out clip of two seconds or more")
    files = everyday.load_everyday(everyday_files)
    found_videos = videos(downloads, detections)
    results = Results({name: lifter.card.version for name, lifter in lifters.items()})
    _add(results.real, MEDIAPIPE, _real_peer(found_videos))
    for detector, values in _detectors(found_videos).items():
        _add(results.detectors, detector, values)
    for name, lifter in tqdm(lifters.items(), unit="model"):
        _add_motion(results, name, lifter, motions, files)
        _add(results.real, name, _real(lifter, found_videos))
    return results


def _add_motion(
    results: Results,
    name: str,
    lifter: ClipModel,
    motions: MotionSet,
    files: Mapping[str, MotionSet],
) -> None:
    """One model on motion capture and on the made-up figure."""
    rows = held_out_rows(lifter, motions)
    _add(results.held_out, name, rows.values)
    _add_angles(results.angles, name, rows)
    _add(results.definitions, name, definition_rows(lifter, motions))
    if files:
        results.everyday[name] = everyday.by_actions(lifter, files)
        values = everyday.by_definitions(lifter, files, results.everyday[name])
        _add(results.definitions, name, values)
    results.figures[name] = made_up.measure_figure(lifter)
    _add(results.figure, name, made_up.as_rows(results.figures[name]))
    if "expected_errors" in lifter.card.graph.outputs:
        results.calibrations[name] = {
            what: measure_calibration(lifter, motions, condition)
            for what, condition in held_out.CALIBRATED.items()
        }
        _add(results.expected_errors, name, _expected_errors(results.calibrations[name]))


def _add(rows: Rows, column: str, values: Values) -> None:
    for what, value in values.items():
        rows[what][column] = value


def _add_angles(rows: Rows, model: str, found: HeldOutRows) -> None:
    for what, angles in found.angles.items():
        for joints, degrees in angles.items():
            rows[what][f"{model}: {joints}"] = degrees


def _expected_errors(found: Mapping[str, Calibration]) -> Values:
    values: Values = {}
    for what, each in found.items():
        values |= {
            f"{what}: expected, on average": float(each.expected_mm.mean()),
            f"{what}: true, on average": float(each.true_mm.mean()),
            f"{what}: tenths are off by (%)": each.calibration_error * 100,
            f"{what}: rank correlation (%)": each.rank_correlation * 100,
        }
        for group, means in each.groups.items():
            values[f"{what}, {group}: expected"] = means.expected_mm
            values[f"{what}, {group}: true"] = means.true_mm
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
    return rendered(
        Path(__file__).with_name("suite.md.j2"),
        **vars(results),
        columns=_columns,
        joint_definitions=_joint_definitions(),
        mediapipe=MEDIAPIPE,
    )


def _columns(rows: Rows) -> list[str]:
    """All columns that some row has, in the order in which they come."""
    return list(dict.fromkeys(name for row in rows.values() for name in row))


def _joint_definitions() -> Rows:
    """The offsets of each family of detectors, in percent of a bone."""
    rows: Rows = _rows()
    for family, definitions in FAMILIES.items():
        for joint, offset in definitions.offsets.items():
            for axis, share in zip(("outwards", "up", "ahead"), offset, strict=True):
                rows[joint.replace("foot", "ankle")][f"{family}: {axis}"] = share * 100
    return rows


def as_json(results: Results) -> str:
    """All numbers; null where there is none."""
    content: dict[str, Any] = {part: _rounded(getattr(results, part)) for part in TABLES}
    content["everyday"] = {name: _rounded(rows) for name, rows in results.everyday.items()}
    content = {"versions": results.versions, **content}
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _rounded(rows: Rows) -> dict[str, dict[str, float | None]]:
    return {
        what: {name: None if math.isnan(v) else round(v, 2) for name, v in values.items()}
        for what, values in rows.items()
    }
