"""Figures: what is drawn is written as PNG."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def figure(path: Path, width: float, height: float) -> Iterator[Any]:
    """A matplotlib figure of so many inches to draw on, written once that is done."""
    # Imported here because it takes a second and few commands draw.
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    drawn = Figure(figsize=(width, height), layout="constrained")
    yield drawn
    path.parent.mkdir(parents=True, exist_ok=True)
    FigureCanvasAgg(drawn).print_png(path)


def plot_history(history: list[dict[str, float]], path: Path) -> None:
    """Draw every error of a run in millimetres against the epoch."""
    with figure(path, 7, 4) as drawn:
        axes = drawn.subplots()
        for name in history[-1]:
            if name.endswith("(mm)"):
                values = [entry.get(name, float("nan")) for entry in history]
                axes.plot(range(1, len(history) + 1), values, label=name)
        axes.set_xlabel("epoch")
        axes.set_ylabel("millimetres")
        axes.set_ylim(bottom=0)
        axes.grid(alpha=0.3)
        axes.legend()
