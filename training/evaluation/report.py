"""What ``training.evaluate`` measured, written down: for cards, for programs and for eyes."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

from training.evaluation.clip_errors import ClipErrors, average, by_action, by_joint
from training.figures import figure
from training.metrics import ALL_METRICS

ErrorsByCondition: TypeAlias = dict[str, list[ClipErrors]]
"""A model's clips by the condition they were measured in: ``clean``, or ``noisy, flip``."""


def overall_errors(measured: Mapping[str, ErrorsByCondition]) -> dict[str, float]:
    """Errors over all clips, for a card: ``noisy MPJPE, flip, single model`` and the like.

    ``measured`` is by what is added to the names for each model; nothing for the one it is about.
    """
    errors: dict[str, float] = {}
    for model, conditions in measured.items():
        for condition, clips in conditions.items():
            noise, comma, how = condition.partition(",")
            for name, value in average(clips).items():
                if ALL_METRICS[name].is_error and not math.isnan(value):
                    errors[f"{noise} {name}{comma}{how}{model}"] = round(value, 2)
    return errors


def write_report(
    folder: Path, measured: Mapping[str, ErrorsByCondition], by_subject: bool = False
) -> None:
    """Write ``report.json`` and ``report.png``: every metric per action, every joint's error."""
    folder.mkdir(parents=True, exist_ok=True)
    content: dict[str, Any] = {
        "units": {name: metric.unit for name, metric in ALL_METRICS.items()} | {"joints": "mm"},
        "measured": {
            f"{condition}{model}": {
                "frames": sum(clip.frames for clip in clips),
                "actions": by_action(clips, by_subject),
                "joints": by_joint(clips),
            }
            for model, conditions in measured.items()
            for condition, clips in conditions.items()
        },
    }
    text = json.dumps(_rounded(content), indent=2) + "\n"
    (folder / "report.json").write_text(text)
    _plot(content["measured"], folder / "report.png")


def _rounded(value: Any) -> Any:  # noqa: ANN401
    """Numbers to two places; JSON has no NaN, so what is not known is null."""
    if isinstance(value, dict):
        return {key: _rounded(part) for key, part in value.items()}
    if isinstance(value, float):
        return None if math.isnan(value) else round(value, 2)
    return value


def _plot(measured: Mapping[str, Mapping[str, Any]], path: Path) -> None:
    """Bars of MPJPE for every action and every joint, a colour a condition."""
    panels = {
        "by action": {
            name: {action: row["MPJPE"] for action, row in found["actions"].items()}
            for name, found in measured.items()
        },
        "by joint": {name: found["joints"] for name, found in measured.items()},
    }
    rows = max(len(bars) for panel in panels.values() for bars in panel.values())
    with figure(path, 11, 1.5 + 0.12 * rows * len(measured)) as drawn:
        for axes, (title, panel) in zip(drawn.subplots(1, 2), panels.items(), strict=True):
            height = 0.8 / len(panel)
            for number, (name, bars) in enumerate(panel.items()):
                places = [place + number * height for place in range(len(bars))]
                axes.barh(places, list(bars.values()), height, label=name)
            labels = list(next(iter(panel.values())))
            axes.set_yticks([place + 0.4 - height / 2 for place in range(len(labels))], labels)
            axes.invert_yaxis()
            axes.set_xlabel("MPJPE (mm)")
            axes.set_title(title)
        axes.legend(fontsize="small")
