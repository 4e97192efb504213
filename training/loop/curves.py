"""The picture at the end of a training run."""

from pathlib import Path


def plot_history(history: list[dict[str, float]], path: Path) -> None:
    """Draw every error in millimetres against the epoch."""
    # Imported here because it takes a second and only training runs draw.
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    epochs = range(1, len(history) + 1)
    for name in history[-1]:
        if name.endswith("(mm)"):
            values = [entry.get(name, float("nan")) for entry in history]
            axes.plot(epochs, values, label=name)
    axes.set_xlabel("epoch")
    axes.set_ylabel("millimetres")
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend()
    FigureCanvasAgg(figure).print_png(path)
