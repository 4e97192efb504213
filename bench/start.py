"""What starting the service costs: time until it is ready, processor time, and resident memory.

The baseline is a process that imports the libraries that serving needs and opens the same graphs,
and does nothing else. Each line is of processes of their own, looked at when they are there. Rounds
alternate and the figures are medians. On Linux alone: the figures are those of ``/proc``.

    python -m bench.start [--rounds 7] [--models FOLDER]
"""

import argparse
import os
import re
import statistics
import subprocess
import time
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

from bench.figures import Figure, Figures, Goal
from poselift.shipped_models import SHIPPED_MODELS
from tests.serving import launch

_LIBRARIES = (
    "import fastapi, grpc.aio, hiredis, numpy, onnxruntime, orjson, prometheus_client, "
    "pydantic_settings, redis.asyncio, uvicorn, uvloop, websockets"
)
_OPENED = (
    "import os, pathlib; graphs = [onnxruntime.InferenceSession(path) "
    "for path in pathlib.Path(os.environ['POSELIFT_MODELS_DIR']).glob('*/*.onnx')]"
)
_BASELINE = "libraries, graphs opened"
_SERVICE = "service, ready"
_PROGRAMS = {
    "Python": ("-c", "{}"),
    "libraries": ("-c", f"{_LIBRARIES}; {{}}"),
    _BASELINE: ("-c", f"{_LIBRARIES}; {_OPENED}; {{}}"),
    "modules of the service": ("-c", "import service.__main__; {}"),
    _SERVICE: ("-m", "service"),
}
_THERE = "import signal, sys; print('ready:', file=sys.stderr, flush=True); signal.pause()"
_MB = 1e6
_MOST = 3.0, 220.0
"""Seconds, and MB of one process."""


@dataclass(frozen=True)
class Cost:
    """Of a process: seconds until it was there, seconds of processors, and memory in MB.

    Pages that several processes have are counted by their share in ``proportional``; ``children``
    is the same of the processes that it has started.
    """

    wall_s: float
    processor_s: float
    resident: float
    proportional: float
    children: float


def main(arguments: Sequence[str] | None = None) -> Figures:
    """Print a line for each program, and how the service compares with the baseline."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--models", type=Path, default=SHIPPED_MODELS)
    options = parser.parse_args(arguments)
    costs: dict[str, list[Cost]] = {name: [] for name in _PROGRAMS}
    for _ in range(options.rounds):
        for name, program in _PROGRAMS.items():
            costs[name].append(_cost(program, options.models))
    median = {name: _median(found) for name, found in costs.items()}
    for name, cost in median.items():
        print(
            f"{name:24} {cost.wall_s:5.2f} s, {cost.processor_s:5.2f} s of processors, resident "
            f"{cost.resident:4.0f} MB, share {cost.proportional:4.0f} MB, "
            f"children {cost.children:3.0f} MB"
        )
    ours, bare = median[_SERVICE], median[_BASELINE]
    print(
        f"{_SERVICE} / {_BASELINE}: {ours.wall_s / bare.wall_s:.2f}x the time, "
        f"{ours.processor_s / bare.processor_s:.2f}x the processors', "
        f"{ours.resident / bare.resident:.2f}x the memory"
    )
    most_s, most_mb = (Goal(limit, at_most=True, of_value=True) for limit in _MOST)
    return [
        Figure("start to ready", ours.wall_s, "s", _BASELINE, bare.wall_s, most_s),
        Figure(
            "resident memory when ready", ours.resident, "MB", _BASELINE, bare.resident, most_mb
        ),
    ]


def _cost(program: Sequence[str], models: Path) -> Cost:
    began_s = time.perf_counter()
    process = launch(models, {}, [part.replace("{}", _THERE) for part in program])
    try:
        _wait_until_there(process)
        wall_s = time.perf_counter() - began_s
        children = [_memory(pid, "Pss") for pid in _descendants(process.pid)]
        return Cost(
            wall_s,
            _processor_s(process.pid),
            _memory(process.pid, "Rss"),
            _memory(process.pid, "Pss"),
            sum(children),
        )
    finally:
        process.terminate()
        process.communicate(timeout=60)


def _wait_until_there(process: "subprocess.Popen[str]") -> None:
    assert process.stderr is not None
    said = []
    for line in process.stderr:
        if "ready:" in line:
            return
        said.append(line)
    raise RuntimeError("it ended before it was ready:\n" + "".join(said))


def _processor_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    in_programs, in_kernel = map(int, fields[11:13])
    return (in_programs + in_kernel) / os.sysconf("SC_CLK_TCK")


def _memory(pid: int, kind: str) -> float:
    found = re.search(rf"^{kind}:\s+(\d+) kB", _of(pid, "smaps_rollup"), re.MULTILINE)
    assert found is not None
    return int(found[1]) * 1024 / _MB


def _descendants(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").iterdir()
    children = [int(child) for task in tasks for child in (task / "children").read_text().split()]
    return children + [each for child in children for each in _descendants(child)]


def _of(pid: int, name: str) -> str:
    return Path(f"/proc/{pid}/{name}").read_text()


def _median(costs: Sequence[Cost]) -> Cost:
    return Cost(*map(statistics.median, zip(*map(astuple, costs), strict=True)))


if __name__ == "__main__":
    main()
