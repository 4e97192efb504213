"""``poselift bench``: how fast the models are on this machine, or at a server."""

import json as json_format
import os
import platform
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from cyclopts.validators import Number

from poselift.command.options import Server
from poselift.command.report import say
from poselift.command.trials import (
    LIVE_FPS,
    Effort,
    Speed,
    measure_at_server,
    measure_here,
)
from poselift.command.usage import UsageError
from poselift.errors import ModelError
from poselift.shipped_models import ALIASES, DEFAULT, LIVE, model_folder, shipped_names

_PACKAGES = ("poselift", "numpy", "onnxruntime", "onnxruntime-gpu")


def bench(
    *models: str,
    frames: Annotated[int, Parameter(validator=Number(gte=1, lte=100_000))] = 243,
    seconds: Annotated[float, Parameter(validator=Number(gt=0, lte=600))] = 1.5,
    server: Server | None = None,
    json: Annotated[bool, Parameter(negative="", show_default=False)] = False,
) -> int:
    """Measure how fast clips are lifted, and how many people live.

    Args:
        models: names, aliases or folders of models, or names at the server; all, if none is given.
        frames: the length of the clips.
        seconds: how long each figure is measured.
        server: where, if not here: round trips then.
        json: write one JSON object.
    """
    effort, where = Effort(frames, seconds), server or Server()
    told = measured_on() | {"frames": frames, "server": where.server}
    speeds = list(_here(models, effort) if where.server is None else _there(models, where, effort))
    rows = _rows(speeds)
    if json:
        print(json_format.dumps({"measured_on": told, "models": rows}))  # noqa: T201
    else:
        _print(told, rows)
    return 0


def _here(models: Sequence[str], effort: Effort) -> Iterator[Speed]:
    first = [ALIASES[DEFAULT], ALIASES[LIVE]]
    others = [name for name in shipped_names() if name not in first]
    try:
        folders = {name: model_folder(name) for name in models or [*first, *others]}
    except ModelError as error:
        raise UsageError(f"MODELS: {error.detail}") from None
    for name, folder in folders.items():
        say(f"measuring {name}")
        yield measure_here(folder, effort)


def _there(models: Sequence[str], server: Server, effort: Effort) -> Iterator[Speed]:
    with server.client() as client:
        served = {each.name: each for each in client.models()}
        named = {alias: each for each in served.values() for alias in each.aliases} | served
        for name in models or served:
            if name not in named:
                raise UsageError.at("MODELS", f"one of the server's {', '.join(named)}: {name!r}")
            say(f"measuring {name}")
            yield measure_at_server(client, named[name], effort)


def _rows(speeds: Sequence[Speed]) -> list[dict[str, Any]]:
    """The figures of each model, and their ratios to those of the first that has them."""
    live = [each.live_people for each in speeds if each.live_people is not None]
    return [
        {
            **asdict(each),
            "clip_ratio": each.clip_frames_per_s / speeds[0].clip_frames_per_s,
            "live_ratio": None if each.live_people is None else each.live_people / live[0],
        }
        for each in speeds
    ]


def measured_on() -> dict[str, Any]:
    """What figures of this machine depend on."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        **{name: found for name in _PACKAGES if (found := _version(name))},
    }


def _processor() -> str:
    """The processor's name; Python knows its architecture alone on Linux."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


_COLUMNS = {
    "model": ("model", "{}"),
    "clip_frames_per_s": ("clips, frames/s", "{:,.0f}"),
    "clip_ratio": ("ratio", "{:.2f}"),
    "clip_ms": ("a clip, ms", "{:.1f}"),
    "live_people": (f"people live at {LIVE_FPS} fps", "{:,.1f}"),
    "live_ratio": ("ratio", "{:.2f}"),
    "live_frame_ms": ("a frame, ms", "{:.2f}"),
}
"""The headings and forms of figures."""


def _print(told: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    cells = [[heading for heading, _ in _COLUMNS.values()]]
    cells += [[_cell(row[name], form) for name, (_, form) in _COLUMNS.items()] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        first, *others = map(str.rjust, row, widths)
        print("  ".join([first.strip().ljust(widths[0]), *others]))  # noqa: T201
    machine = ", ".join(f"{name} {each}" for name, each in told.items() if each)
    print(f"{'measured on' if told['server'] is None else 'called from'} {machine}")  # noqa: T201


def _cell(value: object, form: str) -> str:
    return "-" if value is None else form.format(value)
