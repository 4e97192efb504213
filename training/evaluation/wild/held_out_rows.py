"""Rows of the held-out people's tables: errors in millimetres, and beside them joint angles."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from poselift.postprocess.pipeline import Postprocessing
from poselift.runtime.clip import ClipModel
from training.data.datasets.prepared import MotionSet
from training.evaluation.clip_errors import MEAN, OVERALL, by_action
from training.evaluation.wild import held_out
from training.evaluation.wild.rejection import near_gross_errors

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
METRICS = {"MPJPE": "MPJPE", "P-MPJPE": "P-MPJPE", "knee": "knees (°)", "elbow": "elbows (°)"}
"""Of poses alone, and their names."""
ANGLES = {"knee": "knees", "elbow": "elbows"}
"""Metrics of joint angles, and their names in columns."""


@dataclass
class HeldOutRows:
    """One model's column of the table, and its columns of the one of joint angles."""

    values: dict[str, float] = field(default_factory=dict)
    angles: dict[str, dict[str, float]] = field(default_factory=dict)
    """Degrees by row, then by joint."""

    def add(self, what: str, errors: Mapping[str, float]) -> None:
        """MPJPE as a row, and joint angles in the row of the same name."""
        self.values[what] = errors["MPJPE"]
        self.angles[what] = {name: errors[metric] for metric, name in ANGLES.items()}

    def add_with_further(self, what: str, errors: Mapping[str, float]) -> None:
        """The same, and a row for each further metric that there is."""
        self.add(what, errors)
        for metric, unit in _FURTHER_METRICS.items():
            if metric in errors:
                self.values[f"{what}: {unit}"] = errors[metric]


def held_out_rows(lifter: ClipModel, motions: MotionSet) -> HeldOutRows:
    """Measure a model on held-out people in every condition."""
    rows = HeldOutRows()
    _at_frame_rates(rows, lifter, motions)
    is_causal = lifter.card.architecture.causal
    for what, postprocess in (POSTPROCESSING | (LIVE_POSTPROCESSING if is_causal else {})).items():
        found = held_out.measured(lifter, motions, held_out.NOISY, served_as=postprocess)
        rows.add_with_further(f"noisy, {what}", held_out.overall(found))
    _gross_errors(rows, lifter, motions)
    for what, condition in (held_out.SIMULATED | held_out.LEGS_NEVER_SEEN).items():
        rows.add(what, held_out.overall(held_out.measured(lifter, motions, condition)))
    rows.values |= _occluded_side(lifter, motions)
    return rows


def _at_frame_rates(rows: HeldOutRows, lifter: ClipModel, motions: MotionSet) -> None:
    for rate in held_out.FRAME_RATES:
        every = round(motions.fps / rate)
        for kind, condition in (("clean", held_out.CLEAN), ("noisy", held_out.NOISY)):
            found = held_out.measured(lifter, motions, condition, every)
            if every > 1:
                rows.add(f"{kind}, {rate} fps", held_out.overall(found))
                continue
            rows.add_with_further(f"{kind}, {rate} fps", held_out.overall(found))
            for group, errors in _groups(found):
                rows.add(f"{kind}: {group}", errors)


def _groups(found: list[held_out.Measured]) -> Iterator[tuple[str, Mapping[str, float]]]:
    """By action, and by the camera's height."""
    for action, errors in by_action([clip.errors for clip in found]).items():
        if action not in {MEAN, OVERALL}:
            yield action, errors
    for height, (low, high) in held_out.HEIGHTS_M.items():
        group = [clip for clip in found if low <= clip.camera_height_m < high]
        if group:
            yield f"{height} camera", held_out.overall(group)


def _gross_errors(rows: HeldOutRows, lifter: ClipModel, motions: MotionSet) -> None:
    found = held_out.measured(lifter, motions, held_out.GROSS_ERRORS)
    rows.add("gross errors", held_out.overall(found))
    near = near_gross_errors(lifter, motions)
    rows.values |= {
        "gross errors: frames near them": near.rejected,
        "gross errors: those frames, outliers not rejected": near.kept,
        "gross errors: those frames without the errors": near.without_them,
        "gross errors: those frames, 99th percentile": near.rejected_worst,
        "gross errors: those frames, 99th percentile, outliers not rejected": near.kept_worst,
    }


def _occluded_side(lifter: ClipModel, motions: MotionSet) -> dict[str, float]:
    side = held_out.occluded_side(lifter, motions)
    return {
        "clean, the frames of the next rows": side.visible_mm,
        "half of one side occluded for a second": side.occluded_mm,
        "its worst moment, on average over clips": side.worst_mm,
        "clips with a frame worse than twice clean (%)": side.occluded_spikes * 100,
        "such clips with nothing occluded (%)": side.visible_spikes * 100,
    }


def definition_rows(lifter: ClipModel, motions: MotionSet) -> dict[str, float]:
    """Held-out people whose joints are where each family of detectors puts them."""
    values: dict[str, float] = {}
    for what, condition in {"noisy": held_out.NOISY, **held_out.DEFINITIONS}.items():
        errors = held_out.overall(held_out.measured(lifter, motions, condition))
        values |= named(f"CMU, {what}", errors)
    return values


def named(what: str, errors: Mapping[str, float]) -> dict[str, float]:
    """Poses' errors and joint angles, each as a row."""
    return {f"{what}: {name}": errors[metric] for metric, name in METRICS.items()}
