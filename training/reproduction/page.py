"""The page that ``training.reproduce`` writes: our numbers and the paper's, and what holds."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import nan
from pathlib import Path
from typing import Any

from training.evaluation.pages import rendered
from training.figures import figure
from training.model.temporal_model import TemporalModel
from training.reproduction.experiments import (
    CAUSAL,
    CORRELATED,
    LABELLED_SUBJECTS,
    RECEPTIVE_FIELDS,
    SINGLE,
    SUBSETS,
    SYMMETRIC,
    UNFLIPPED,
    Experiment,
    semi_supervised,
)


@dataclass(frozen=True)
class Run:
    """A finished run: its errors in millimetres, without and with flip augmentation."""

    errors: Mapping[str, float]
    flipped: Mapping[str, float]
    training: float
    """MPJPE on what it learned from, in the last epoch, with dropout."""
    minutes: float
    """Of training, on one thread or GPU."""


Runs = Mapping[str, Run]
Finding = tuple[str, bool, str]
"""Something the paper found, whether these runs reproduce it, and their numbers."""

PAPER_TABLES_1_AND_2 = {
    SINGLE: (51.8, 40.0, 11.6),
    CAUSAL: (49.0, 38.1, nan),
    SYMMETRIC: (46.8, 36.5, 2.8),
}
"""MPJPE and P-MPJPE on Human3.6M, the averages, and MPJVE."""
PAPER_TABLE_5 = (
    (29.53, 59.03, 41.1),
    (8.56, 17.09, 40.6),
    (12.75, 25.48, 38.7),
    (16.95, 33.87, 37.8),
)
"""Parameters and FLOPs a frame in millions, and MPJPE, in the order of `RECEPTIVE_FIELDS`."""
PAPER_FIGURE_5A = {"0.1% of S1": 10.4, "10% of S1": 9.3, "all of S1": 2.6, "S1, S5 and S6": -0.9}
"""By how many millimetres of N-MPJPE unlabelled data helped."""
REMARKS = "## Remarks"
"""Heading of what people write about a page, at its end."""
_NAMES = {SINGLE: "one frame", CAUSAL: "243 frames, causal", SYMMETRIC: "243 frames, symmetric"}
_FIELDS = {
    "27 frames, dense": (3, 3, 3),
    "27 frames": (3, 3, 3),
    "81 frames": (3, 3, 3, 3),
    "243 frames": (3, 3, 3, 3, 3),
}


def complexity(widths: Sequence[int], dense: bool) -> tuple[int, int]:
    """Parameters, and FLOPs a frame of an endless clip, of the paper's model (Appendix A.2)."""
    model = TemporalModel(17, 2, 17, widths, channels=1024, dense=dense)
    products = sum(weight.numel() for weight in model.parameters() if weight.ndim == 3)
    return sum(weight.numel() for weight in model.parameters()), 2 * products


def write_page(
    path: Path, subjects: tuple[str, ...], runs: Runs, settings: Mapping[str, Any]
) -> None:
    """Write the page and its figures; what was written under ``REMARKS`` stays.

    Figures go into the folder of the page's name. ``runs`` are all of `experiments.everything`, and
    ``settings`` what they had in common.
    """
    figures = path.with_suffix("")
    figure_5 = {
        way: {share: runs[each.name].errors["N-MPJPE"] for share, each in experiments.items()}
        for way, experiments in semi_supervised(subjects).items()
    }
    _plot(figure_5, figures / "figure5.png")
    findings = _findings_of_tables(runs) + _findings_of_figure(figure_5)
    text = rendered(
        Path(__file__).with_name("page.md.j2"),
        **_tables(runs),
        settings=settings,
        runs=runs,
        minutes=sum(run.minutes for run in runs.values()),
        findings=findings + _findings_of_appendix(runs),
        figure_5=figure_5,
        figures=figures.name,
    )
    path.write_text(text + _remarks(path))


def _tables(runs: Runs) -> dict[str, Any]:
    """What the page's tables show, but for figure 5."""
    fields = zip(RECEPTIVE_FIELDS, _FIELDS.items(), PAPER_TABLE_5, strict=True)
    return {
        "tables_1_and_2": [
            (name, runs[each.name].errors, PAPER_TABLES_1_AND_2[each])
            for each, name in _NAMES.items()
        ],
        "table_5": [
            (name, complexity(widths, name.endswith("dense")), runs[each.name], paper)
            for each, (name, widths), paper in fields
        ],
        "labelled_subjects": LABELLED_SUBJECTS,
        "shares": SUBSETS,
        "paper_gains": PAPER_FIGURE_5A,
        "strides": {stride: runs[each.name] for stride, each in CORRELATED.items()},
        "mirrored": {"no": runs[UNFLIPPED.name], "yes": runs[SYMMETRIC.name]},
    }


def _remarks(path: Path) -> str:
    """What an earlier page has from its remarks on."""
    if not path.exists():
        return ""
    _, heading, remarks = path.read_text().partition(f"\n{REMARKS}\n")
    return heading + remarks


def _errors(runs: Runs, experiments: Iterable[Experiment], metric: str = "MPJPE") -> list[float]:
    return [runs[each.name].errors[metric] for each in experiments]


def _listed(values: Iterable[float], between: str = " → ") -> str:
    return between.join(f"{value:.1f}" for value in values)


def _findings_of_tables(runs: Runs) -> list[Finding]:
    order = _errors(runs, (SINGLE, CAUSAL, SYMMETRIC))
    single, symmetric = _errors(runs, (SINGLE, SYMMETRIC), "MPJVE")
    fall = 1 - symmetric / single
    dense, *fields = _errors(runs, RECEPTIVE_FIELDS)
    return [
        (
            "Table 1: one frame is worse than causal, causal worse than symmetric",
            order == sorted(order, reverse=True),
            _listed(order),
        ),
        (
            "Table 2: MPJVE falls by about three quarters (here: 65 to 85%)",
            0.65 <= fall <= 0.85,
            f"by {fall:.0%}",
        ),
        (
            "Table 5: error falls from 27 to 81 to 243 frames",
            fields == sorted(fields, reverse=True),
            _listed(fields),
        ),
        (
            "Table 5: dilated is no worse than dense, at a third of the cost",
            fields[0] <= dense,
            _listed((fields[0], dense), " against "),
        ),
    ]


def _findings_of_figure(figure_5: Mapping[str, Mapping[float, float]]) -> list[Finding]:
    labels_alone = figure_5["supervised"]
    gains, unbound = (
        [labels_alone[share] - figure_5[way][share] for share in SUBSETS]
        for way in ("semi-supervised", "no bone length")
    )
    return [
        (
            "Figure 5: unlabelled videos help where labels are few",
            min(gains[:3]) > 0,
            f"by {_listed(gains[:3], ', ')} for the three smallest shares",
        ),
        (
            "Figure 5: they help the more, the fewer labels there are",
            gains[0] > gains[-1],
            f"{gains[0]:.1f} at {SUBSETS[0]:.0%}, {gains[-1]:.1f} at {SUBSETS[-1]:.0%}",
        ),
        (
            "Figure 5: without the bone-length term most of that is lost",
            all(other < gain for other, gain in zip(unbound, gains, strict=True)),
            f"{_listed(unbound, ', ')} from few labels to all",
        ),
    ]


def _findings_of_appendix(runs: Runs) -> list[Finding]:
    strides = _errors(runs, CORRELATED.values())
    usual, unflipped = _errors(runs, (SYMMETRIC, UNFLIPPED))
    flipped = runs[SYMMETRIC.name].flipped["MPJPE"]
    return [
        (
            "Appendix: batches of neighbouring frames hurt",
            strides == sorted(strides),
            _listed(strides),
        ),
        ("Appendix: mirrored clips help training", usual < unflipped, _listed((unflipped, usual))),
        (
            "Appendix: averaging with the mirrored input's pose helps",
            flipped < usual,
            _listed((usual, flipped)),
        ),
    ]


def _plot(figure_5: Mapping[str, Mapping[float, float]], path: Path) -> None:
    with figure(path, 6, 3.5) as drawn:
        axes = drawn.subplots()
        for way, errors in figure_5.items():
            percent = [100 * share for share in errors]
            axes.plot(percent, list(errors.values()), marker="o", label=way)
        axes.set_xscale("log")
        axes.set_xlabel("labelled (%)")
        axes.set_ylabel("N-MPJPE (mm)")
        axes.grid(alpha=0.3)
        axes.legend()
