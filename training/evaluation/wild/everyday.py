"""Everyday motion: squats, sitting down, lying down and others, by action.

The files are prepared motion of which the held-out side is measured, such as UI-PRMD and HDM05.
They are long, so each clip is projected by two cameras, the first two of those that other held-out
clips are projected by.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from poselift.errors import InvalidInput
from poselift.runtime.clip import ClipModel
from training.data.datasets.prepared import MotionSet
from training.data.sources import evaluation_sequences
from training.evaluation.clip_errors import (
    MEAN,
    OVERALL,
    ClipErrors,
    Prediction,
    by_action,
    measure,
)
from training.evaluation.pages import Rows
from training.evaluation.wild import held_out
from training.evaluation.wild.held_out import Condition
from training.evaluation.wild.held_out_rows import METRICS, named

CAMERAS = 2
"""Of each clip."""
CONDITIONS = {"clean": held_out.CLEAN, "noisy": held_out.NOISY}
EXPECTED, TRUE = "expected error", "true error"
"""On average over all joints but the root, which is never off."""
_LYING = "lie"
"""How actions begin that are lying down."""
WITHOUT_LYING = "mean without lying down"


def load_everyday(paths: Sequence[Path]) -> dict[str, MotionSet]:
    """The held-out side of prepared files, by what each calls its origin up to a bracket.

    `InvalidInput` if nothing is held out, or if two files have the same origin.
    """
    found: dict[str, MotionSet] = {}
    for path in paths:
        motions = MotionSet.load(path).split(held_out=True)
        if len(motions) == 0:
            raise InvalidInput.at(str(path), "a held-out clip")
        name = motions.origin.partition(" (")[0]
        if name in found:
            raise InvalidInput.at(str(path), f"one file of each origin, a second of {name}")
        found[name] = motions
    return found


def measured(lifter: ClipModel, motions: MotionSet, condition: Condition) -> list[ClipErrors]:
    """The errors of every clip by its cameras; with the expected error, in millimetres, if any."""
    clips = []
    for clip, _ in evaluation_sequences(motions, condition.options(lifter), CAMERAS):
        sequence = clip.sequence
        served, true_TK3 = held_out.served(lifter, sequence)
        true_T3 = sequence.inverse.trajectory(sequence.trajectory_T3)
        prediction = Prediction(clip, served.poses, true_TK3, None, true_T3)
        (errors,) = measure([prediction], lifter.card.output.joints)
        expected = served.expected_errors
        mean_mm = np.nan if expected is None else float(expected[:, 1:].mean()) * 1000
        clips.append(_with(errors, {EXPECTED: mean_mm}))
    return clips


def _with(clip: ClipErrors, more: Mapping[str, float]) -> ClipErrors:
    count = len(clip.joints)
    without_root = {TRUE: clip.errors["MPJPE"] * count / (count - 1)}
    return replace(clip, errors={**clip.errors, **without_root, **more})


def by_actions(lifter: ClipModel, files: Mapping[str, MotionSet]) -> Rows:
    """A row of each file's actions, and of their means; columns are conditions and metrics."""
    rows: Rows = {}
    for file, motions in files.items():
        for condition, how in CONDITIONS.items():
            found = measured(lifter, motions, how)
            for action, errors in _groups(found).items():
                row = rows.setdefault(f"{file}: {action}", {})
                row |= {f"{condition}: {METRICS[name]}": errors[name] for name in METRICS}
                if condition == "noisy":
                    row |= {f"{condition}: {name}": errors[name] for name in (EXPECTED, TRUE)}
    return rows


def _groups(found: Sequence[ClipErrors]) -> dict[str, dict[str, float]]:
    groups = by_action(found)
    upright = [clip for clip in found if not clip.action.startswith(_LYING)]
    if 0 < len(upright) < len(found):
        groups[WITHOUT_LYING] = by_action(upright)[MEAN]
    del groups[OVERALL]
    return groups


def by_definitions(
    lifter: ClipModel, files: Mapping[str, MotionSet], actions: Rows
) -> dict[str, float]:
    """The mean over actions, noisy, where each family of detectors puts joints.

    ``actions`` is what `by_actions` found: the same without offsets.
    """
    values: dict[str, float] = {}
    for file, motions in files.items():
        mean = actions[f"{file}: {MEAN}"]
        values |= {f"{file}, noisy: {name}": mean[f"noisy: {name}"] for name in METRICS.values()}
        for what, condition in held_out.DEFINITIONS.items():
            errors = by_action(measured(lifter, motions, condition))[MEAN]
            values |= named(f"{file}, {what}", errors)
    return values
