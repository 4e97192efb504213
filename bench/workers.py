"""What several workers cost and bring: live people over gRPC, with one worker and with more.

All services run at once, each with a store of its own, and are measured in turn, so that ratios
hold on a busy machine. Processor time is that of all their processes, the store's included. Then
the number of people grows, for each service, until the slowest hundredth of the answers takes
longer than a frame. The memory of a further worker is what its process has to itself.

    python -m bench.workers [--people 20] [--step 20] [--fps 30] [--seconds 4] [--rounds 3]
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from bench.figures import Figure, Figures, Goal, Missing
from poselift.shipped_models import SHIPPED_MODELS
from tests.serving import ServiceProcess, descendants, service_process

_MB = 1e6
_MOST_COST = Goal(1.15, at_most=True)
_MOST_MEMORY = Goal(120, at_most=True, of_value=True)
_FEWEST_PEOPLE = {2: Goal(1.8), 4: Goal(3.2)}


def main(arguments: Sequence[str] | None = None) -> Figures:
    """Print processor time for each frame, memory, and how many people each service sustains."""
    options = _parse(arguments)
    cores = len(os.sched_getaffinity(0))
    counts = [count for count in (1, 2, 4) if count <= max(2, cores)]
    with ExitStack() as running:
        services = {
            count: running.enter_context(service_process(SHIPPED_MODELS, WORKERS=str(count)))
            for count in counts
        }
        print(f"{cores} cores; {options.people} people at {options.fps:g} fps")
        figures = [*_costs(services, options), *_memories(services)]
        people = {count: _sustained(services[count], options) for count in counts}
    for count, sustained in people.items():
        gain = f", {sustained / people[1]:.2f}x those of one" if people[1] else ""
        print(f"workers {count}: {sustained} people within a frame's time{gain}")
        what = f"people live at {options.fps:g} fps, {count} workers on {cores} cores"
        # The callers and the store need processors too.
        goal = _FEWEST_PEOPLE[count] if count > 1 and cores > count else None
        if count > 1 and people[1]:
            figures.append(Figure(what, sustained, "people", "one worker", people[1], goal))
        elif count > 1:
            figures.append(Missing(what, f"one worker sustained not even {options.step}"))
    return figures


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=20)
    parser.add_argument("--step", type=int, default=20)
    parser.add_argument("--most", type=int, default=2000)
    parser.add_argument("--fps", type=float, default=30)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args(arguments)


def _costs(services: dict[int, ServiceProcess], options: argparse.Namespace) -> Figures:
    """Of as many people as one has, and of as many for each worker: ticks do more at a time."""
    costs: dict[tuple[int, int], list[float]] = {}
    for _ in range(options.rounds):
        for count, service in services.items():
            for people in sorted({options.people, options.people * count}):
                cost, cores = _cost(service, people, options)
                costs.setdefault((count, people), []).append(1e6 * cost)
                shares = ", ".join(f"{each:.2f}" for each in cores[: count + 1])
                print(f"workers {count}, {people} people: {cost * 1e6:.0f} µs; cores {shares}")
    medians = {which: statistics.median(found) for which, found in costs.items()}
    one = medians.pop((1, options.people))
    return [
        Figure(
            f"processor time of a live frame, {count} workers with {people} people",
            *(cost, "µs", f"one worker with {options.people}", one, _MOST_COST),
        )
        for (count, people), cost in medians.items()
    ]


def _cost(
    service: ServiceProcess, people: int, options: argparse.Namespace
) -> tuple[float, list[float]]:
    """Processor time for each frame, and the cores that processes used, most first."""
    before = _processor_s(service)
    called = _called(service, people, options)
    used = [seconds - before.get(pid, 0.0) for pid, seconds in _processor_s(service).items()]
    cores = sorted((seconds / called["seconds"] for seconds in used), reverse=True)
    return sum(used) / called["frames"], cores


def _memories(services: dict[int, ServiceProcess]) -> Figures:
    figures: Figures = []
    alone = _memory(services[1].process.pid, "Rss")
    print(f"workers 1: resident {alone:.0f} MB")
    for count in list(services)[1:]:
        worker = _workers(services[count])[-1]
        own = _memory(worker, "Private_Dirty") + _memory(worker, "Private_Clean")
        resident, share = _memory(worker, "Rss"), _memory(worker, "Pss")
        said = f"its own {own:.0f} MB, by share {share:.0f}, resident {resident:.0f}"
        print(f"workers {count}: each further one has {said}")
        what = f"memory of a further worker, {count} workers"
        figures.append(Figure(what, own, "MB", "one worker alone", alone, _MOST_MEMORY))
    return figures


def _sustained(service: ServiceProcess, options: argparse.Namespace) -> int:
    sustained = 0
    for people in range(options.step, options.most + 1, options.step):
        if _called(service, people, options)["p99"] > 1000 / options.fps:
            break
        sustained = people
    return sustained


def _called(service: ServiceProcess, people: int, options: argparse.Namespace) -> dict[str, float]:
    """Frames of so many people, each with a connection of their own."""
    command = [sys.executable, "-m", "bench.live_sessions", "--client"]
    command += ["--port", str(service.grpc_port), "--sessions", str(people)]
    command += ["--channels", str(people), "--fps", str(options.fps)]
    command += ["--seconds", str(options.seconds)]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found: dict[str, float] = json.loads(printed)
    return {**found, "frames": people * int(options.seconds * options.fps)}


def _workers(service: ServiceProcess) -> Sequence[int]:
    """The processes of the workers, by the log."""
    said = re.findall(r"worker \d+ is process (\d+)", "".join(service.log))
    return [int(pid) for pid in said]


def _processor_s(service: ServiceProcess) -> dict[int, float]:
    processes = [service.process.pid, *descendants(service.process.pid)]
    return {pid: _processor_s_of(pid) for pid in processes}


def _processor_s_of(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")


def _memory(pid: int, kind: str) -> float:
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    found = re.search(rf"^{kind}:\s+(\d+) kB", text, re.MULTILINE)
    assert found is not None
    return int(found[1]) * 1024 / _MB


if __name__ == "__main__":
    main()
