"""The page that ``training.reproduce`` writes: our numbers and the paper's, and what holds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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


@dataclass(frozen=True)
class Finding:
    """Something the paper found, and whether these runs found it too."""

    statement: str
    holds: bool
    found: str


Runs = Mapping[str, Run]

PAPER_TABLE_1 = {SINGLE: (51.8, 40.0), CAUSAL: (49.0, 38.1), SYMMETRIC: (46.8, 36.5)}
"""MPJPE and P-MPJPE on Human3.6M, the averages."""
PAPER_TABLE_2 = {SINGLE: 11.6, SYMMETRIC: 2.8}
"""MPJVE."""
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
_FIELDS = ("27 frames, dense", "27 frames", "81 frames", "243 frames")


def complexity(widths: Sequence[int], dense: bool) -> tuple[int, int]:
    """Parameters, and FLOPs a frame of an endless clip, of the paper's model (Appendix A.2)."""
    model = TemporalModel(17, 2, 17, widths, channels=1024, dense=dense)
    products = sum(weight.numel() for weight in model.parameters() if weight.ndim == 3)
    return sum(weight.numel() for weight in model.parameters()), 2 * products


def write_page(
    path: Path, subjects: tuple[str, ...], runs: Runs, settings: Mapping[str, Any]
) -> None:
    """Write the page and its figures; what was written under ``REMARKS`` stays.

    Args:
        path: of the page; figures go into the folder of its name.
        subjects: who was trained on.
        runs: all of `experiments.everything`, by name.
        settings: what they had in common.
    """
    figures = path.with_suffix("")
    figures.mkdir(parents=True, exist_ok=True)
    semi = semi_supervised(subjects)
    findings = list(_findings(runs, semi))
    minutes = sum(run.minutes for run in runs.values())
    sections = [
        "# The paper's comparisons, on open motion",
        _introduction(runs, minutes, settings),
        "## What was found again\n\n" + _findings_table(findings),
        "## Table 1 and 2: time helps\n\n" + _tables_1_and_2(runs),
        "## Table 5: receptive field and cost\n\n" + _table_5(runs),
        f"## Figure 5: unlabelled videos\n\n{_figure_5(runs, semi)}\n\n"
        f"![N-MPJPE by labelled share]({figures.name}/figure5.png)",
        "## Appendix: batches and mirrors\n\n" + _appendix(runs),
    ]
    _plot(runs, semi, figures / "figure5.png")
    path.write_text("\n\n".join(sections) + "\n" + _remarks(path))


def _remarks(path: Path) -> str:
    """What an earlier page has from its remarks on."""
    if not path.exists():
        return ""
    _, heading, remarks = path.read_text().partition(f"\n{REMARKS}\n")
    return heading + remarks


def _introduction(runs: Runs, minutes: float, settings: Mapping[str, Any]) -> str:
    listed = ", ".join(f"{name} {value}" for name, value in settings.items())
    return (
        "Written by `python -m training.reproduce`. The motion is CMU's, projected by four still "
        "synthetic cameras with Human3.6M's intrinsics and image size; a detector is simulated "
        "where keypoints are called detected. Errors are of whole held-out subjects, millimetres "
        "(MPJVE: a frame), without flip augmentation unless said. The paper's numbers are of "
        "Human3.6M, with wider networks that saw far more: compare differences, not numbers.\n\n"
        f"Settings: {listed}. {len(runs)} runs took {minutes:.0f} minutes of training, each on one "
        "thread (or GPU).\n\n"
        "The data used in this project was obtained from mocap.cs.cmu.edu. The database was "
        "created with funding from NSF EIA-0196217."
    )


def _findings(runs: Runs, semi: Mapping[str, Mapping[float, Any]]) -> Sequence[Finding]:
    return [
        *_findings_of_tables(runs),
        *_findings_of_figure(runs, semi),
        *_findings_of_appendix(runs),
    ]


def _error(runs: Runs, experiment: Any, metric: str = "MPJPE") -> float:  # noqa: ANN401
    return runs[experiment.name].errors[metric]


def _findings_of_tables(runs: Runs) -> list[Finding]:
    order = [_error(runs, each) for each in (SINGLE, CAUSAL, SYMMETRIC)]
    fall = 1 - _error(runs, SYMMETRIC, "MPJVE") / _error(runs, SINGLE, "MPJVE")
    dense, *fields = [_error(runs, each) for each in RECEPTIVE_FIELDS]
    return [
        Finding(
            "Table 1: one frame is worse than causal, causal worse than symmetric",
            order == sorted(order, reverse=True),
            " → ".join(f"{value:.1f}" for value in order),
        ),
        Finding(
            "Table 2: MPJVE falls by about three quarters (here: 65 to 85%)",
            0.65 <= fall <= 0.85,
            f"by {fall:.0%}",
        ),
        Finding(
            "Table 5: error falls from 27 to 81 to 243 frames",
            fields == sorted(fields, reverse=True),
            " → ".join(f"{value:.1f}" for value in fields),
        ),
        Finding(
            "Table 5: dilated is no worse than dense, at a third of the cost",
            fields[0] <= dense,
            f"{fields[0]:.1f} against {dense:.1f}",
        ),
    ]


def _findings_of_figure(runs: Runs, semi: Mapping[str, Mapping[float, Any]]) -> list[Finding]:
    gains = _gains(runs, semi, "semi-supervised")
    unbound = _gains(runs, semi, "no bone length")
    return [
        Finding(
            "Figure 5: unlabelled videos help where labels are few",
            min(gains[:3]) > 0,
            f"by {', '.join(f'{gain:.1f}' for gain in gains[:3])} for the three smallest shares",
        ),
        Finding(
            "Figure 5: they help the more, the fewer labels there are",
            gains[0] > gains[-1],
            f"{gains[0]:.1f} at {SUBSETS[0]:.0%}, {gains[-1]:.1f} at {SUBSETS[-1]:.0%}",
        ),
        Finding(
            "Figure 5: without the bone-length term most of that is lost",
            all(other < gain for other, gain in zip(unbound, gains, strict=True)),
            f"{', '.join(f'{gain:.1f}' for gain in unbound)} from few labels to all",
        ),
    ]


def _findings_of_appendix(runs: Runs) -> list[Finding]:
    strides = [_error(runs, each) for each in CORRELATED.values()]
    usual, unflipped = _error(runs, SYMMETRIC), _error(runs, UNFLIPPED)
    flipped = runs[SYMMETRIC.name].flipped["MPJPE"]
    return [
        Finding(
            "Appendix: batches of neighbouring frames hurt",
            strides == sorted(strides),
            " → ".join(f"{value:.1f}" for value in strides),
        ),
        Finding(
            "Appendix: mirrored clips help training",
            usual < unflipped,
            f"{unflipped:.1f} → {usual:.1f}",
        ),
        Finding(
            "Appendix: averaging with the mirrored input's pose helps",
            flipped < usual,
            f"{usual:.1f} → {flipped:.1f}",
        ),
    ]


def _gains(runs: Runs, semi: Mapping[str, Mapping[float, Any]], way: str) -> list[float]:
    """By how much N-MPJPE is less than with labels alone, from the smallest share on."""
    return [
        runs[semi["supervised"][share].name].errors["N-MPJPE"]
        - runs[semi[way][share].name].errors["N-MPJPE"]
        for share in SUBSETS
    ]


def _findings_table(findings: Sequence[Finding]) -> str:
    rows = [[each.statement, "yes" if each.holds else "**no**", each.found] for each in findings]
    return _markdown(["The paper", "Found again", "Here"], rows)


def _tables_1_and_2(runs: Runs) -> str:
    rows = []
    for experiment, name in _NAMES.items():
        errors, paper = runs[experiment.name].errors, PAPER_TABLE_1[experiment]
        velocity = PAPER_TABLE_2.get(experiment)
        rows.append(
            [
                name,
                *(f"{errors[metric]:.1f}" for metric in ("MPJPE", "P-MPJPE", "MPJVE")),
                *(f"{value:.1f}" for value in paper),
                "" if velocity is None else f"{velocity:.1f}",
            ]
        )
    head = ["Detected keypoints", "MPJPE", "P-MPJPE", "MPJVE"]
    return _markdown([*head, *(f"{name}, paper" for name in head[1:])], rows)


def _table_5(runs: Runs) -> str:
    rows = []
    for experiment, name, paper in zip(RECEPTIVE_FIELDS, _FIELDS, PAPER_TABLE_5, strict=True):
        widths = experiment.settings.get("filter_widths", (3, 3, 3, 3, 3))
        parameters, operations = complexity(widths, experiment.settings.get("dense", False))
        rows.append(
            [
                name,
                f"{parameters:,}",
                f"{operations / 1e6:.2f} M",
                f"{runs[experiment.name].errors['MPJPE']:.1f}",
                f"{runs[experiment.name].training:.1f}",
                f"{paper[0]:.2f} M",
                f"{paper[1]:.2f} M",
                f"{paper[2]:.1f}",
            ]
        )
    head = ["True keypoints", "Parameters", "FLOPs", "MPJPE"]
    paper_head = [f"{name}, paper" for name in head[1:]]
    table = _markdown([*head, "MPJPE in training", *paper_head], rows)
    return (
        "Parameters and FLOPs a frame are of the paper's 1024 channels; errors in training are "
        f"with dropout.\n\n{table}"
    )


def _figure_5(runs: Runs, semi: Mapping[str, Mapping[float, Any]]) -> str:
    rows = []
    for share in SUBSETS:
        found = [runs[experiments[share].name].errors["N-MPJPE"] for experiments in semi.values()]
        rows.append([f"{share:.0%}", *(f"{error:.1f}" for error in found)])
    table = _markdown(["Labelled", *semi], rows)
    paper = "; ".join(f"{gain:+.1f} with {what}" for what, gain in PAPER_FIGURE_5A.items())
    return (
        f"N-MPJPE of detected keypoints at 10 frames per second, 9 frames seen, by the share of "
        f"subjects {', '.join(LABELLED_SUBJECTS)} (who walk, run and jump) that is labelled; all "
        f"others are seen without labels.\n\n{table}\n\n"
        f"The paper's gains (figure 5a): {paper}. Without bone lengths (figure 5c) 13.2 of 22.6 mm "
        f"of MPJPE were lost at 1% of S1."
    )


def _appendix(runs: Runs) -> str:
    strides = [
        [str(stride), f"{runs[experiment.name].errors['MPJPE']:.1f}"]
        for stride, experiment in CORRELATED.items()
    ]
    mirrors = [
        [name, f"{runs[each.name].errors['MPJPE']:.1f}", f"{runs[each.name].flipped['MPJPE']:.1f}"]
        for each, name in ((UNFLIPPED, "no"), (SYMMETRIC, "yes"))
    ]
    return (
        "Frames of a window whose poses are learned together, of as many in a batch (27 frames "
        f"seen):\n\n{_markdown(['Stride', 'MPJPE'], strides)}\n\n"
        "Half of the clips mirrored in training; poses averaged with the mirrored input's in "
        "measuring (243 frames seen):\n\n"
        + _markdown(["Mirrored in training", "MPJPE", "Averaged with the mirror's"], mirrors)
    )


def _markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [list(head), ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _plot(runs: Runs, semi: Mapping[str, Mapping[float, Any]], path: Path) -> None:
    # Imported here because it takes a second and only reports draw.
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=(6, 3.5), layout="constrained")
    axes = figure.subplots()
    for way, experiments in semi.items():
        errors = [runs[each.name].errors["N-MPJPE"] for each in experiments.values()]
        axes.plot([100 * share for share in experiments], errors, marker="o", label=way)
    axes.set_xscale("log")
    axes.set_xlabel("labelled (%)")
    axes.set_ylabel("N-MPJPE (mm)")
    axes.grid(alpha=0.3)
    axes.legend()
    FigureCanvasAgg(figure).print_png(path)
