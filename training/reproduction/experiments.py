"""The paper's comparisons as training runs, on motion that anyone may have."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

LABELLED_SUBJECTS = ("07", "08", "16", "35")
"""Who is labelled in the semi-supervised runs, as one subject of Human3.6M is in the paper's: four
who walk, run and jump. All others are used without labels."""
SUBSETS = (0.02, 0.05, 0.1, 0.3, 1.0)
"""Shares of the labelled subjects' frames."""
STRIDES = (1, 16, 128)
"""Neighbouring frames that share a window, of a batch of 512 frames."""
DOWNSAMPLE = 5
"""From 50 to 10 frames per second, as in figure 5a."""


@dataclass(frozen=True)
class Experiment:
    """One run: its name, and what is its own of the settings."""

    name: str
    recordings: str = "detected"
    """Which recordings: ``detected`` with a detector's errors, or ``true`` keypoints."""
    settings: Mapping[str, Any] = field(default_factory=dict, hash=False)


SINGLE = Experiment("single", settings={"filter_widths": (1, 1, 1, 1, 1)})
CAUSAL = Experiment("causal243", settings={"causal": True})
SYMMETRIC = Experiment("symmetric243")
UNFLIPPED = Experiment("unflipped243", settings={"flip": False})
"""Tables 1 and 2, and the augmentation."""

RECEPTIVE_FIELDS = (
    Experiment("true27dense", "true", {"filter_widths": (3, 3, 3), "dense": True}),
    Experiment("true27", "true", {"filter_widths": (3, 3, 3)}),
    Experiment("true81", "true", {"filter_widths": (3, 3, 3, 3)}),
    Experiment("true243", "true"),
)
"""Table 5."""

CORRELATED = {
    stride: Experiment(f"stride{stride}", settings={"filter_widths": (3, 3, 3), "stride": stride})
    for stride in STRIDES
}
"""The appendix on batches."""


def semi_supervised(subjects: tuple[str, ...]) -> dict[str, dict[float, Experiment]]:
    """Figure 5: what is done with unlabelled videos, by the share that is labelled."""
    unlabelled = tuple(name for name in subjects if name not in LABELLED_SUBJECTS)
    ways: dict[str, dict[str, Any]] = {
        "supervised": {},
        "semi-supervised": {"unlabelled_subjects": unlabelled},
        "no bone length": {"unlabelled_subjects": unlabelled, "bone_length_weight": 0},
    }
    shared = {
        "filter_widths": (3, 3),
        "trajectory": True,
        "downsample": DOWNSAMPLE,
        "subjects": LABELLED_SUBJECTS,
    }
    return {
        way: {
            share: Experiment(
                f"{way.replace(' ', '-')}-{share:g}",
                settings={**shared, "subset": share, **settings},
            )
            for share in SUBSETS
        }
        for way, settings in ways.items()
    }


def everything(subjects: tuple[str, ...]) -> list[Experiment]:
    """All runs, the longest first, so that they fill several processes evenly."""
    return [
        SYMMETRIC,
        CAUSAL,
        UNFLIPPED,
        RECEPTIVE_FIELDS[-1],
        *RECEPTIVE_FIELDS[:-1],
        SINGLE,
        *CORRELATED.values(),
        *(run for runs in semi_supervised(subjects).values() for run in runs.values()),
    ]
