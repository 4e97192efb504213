"""The service next to other servers with the same graph: requests a second of concurrent callers.

The same keypoints as JSON, 32 callers, the same threads. Ours and the other answer in turns, each
round first the one and then the other. They are left out where they are not installed:

    python -m venv build/peers && build/peers/bin/pip install -r bench/peers/requirements.txt
    python -m bench.peers.comparison [--frames 27] [--callers 32] [--rounds 2] [--seconds 5]
"""

import argparse
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

import orjson

from bench.figures import Figure, Figures, Goal, Missing
from bench.http_callers import IMAGE_SIZE, Request, clip, lift_request, requests_per_s
from poselift.shipped_models import DEFAULT, SHIPPED_MODELS, model_folder
from tests.live.stores import free_port
from tests.serving import descendants, service_process

_CHECKOUT: Final = Path(__file__).resolve().parents[2]
_STARTS_WITHIN_S: Final = 240


@dataclass(frozen=True)
class _Peer:
    command: str
    """Behind Python, without the port, which comes last."""
    path: str
    goal: Goal | None = None


_PEERS: Final[Mapping[str, _Peer]] = MappingProxyType(
    {
        "LitServe": _Peer("-m bench.peers.serve_with_litserve", "/predict", Goal(3)),
        "BentoML": _Peer("-m bentoml serve bench.peers.serve_with_bentoml:Lift --port", "/lift"),
        "Ray Serve": _Peer("-m bench.peers.serve_with_ray", "/"),
    }
)


def main(arguments: Sequence[str] | None = None) -> Figures:
    """Print requests a second of every round, and the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=27)
    parser.add_argument("--callers", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--python", type=Path, default=_CHECKOUT / "build/peers/bin/python")
    options = parser.parse_args(arguments)
    if not options.python.exists():
        requirements = "bench/peers/requirements.txt"
        print(f"{options.python}: not there; install {requirements} as bench.peers.comparison says")
        return [Missing("other servers with the same graph", f"install {requirements} first")]
    with service_process(SHIPPED_MODELS, THREADS=str(options.threads), PROVIDERS="cpu") as service:
        return [_compared(name, service.http_port, options) for name in _PEERS]


def _compared(name: str, our_port: int, options: argparse.Namespace) -> Figure | Missing:
    what = f"{options.frames}-frame clips over JSON, {options.callers} callers"
    ours, theirs = lift_request(options.frames, "JSON"), _request(name, options.frames)
    try:
        with _running(name, theirs, options) as port:
            rates = [
                (
                    requests_per_s(port, theirs, options.callers, options.seconds),
                    requests_per_s(our_port, ours, options.callers, options.seconds),
                )
                for _ in range(options.rounds + 1)
            ][1:]  # the first warms both
    except RuntimeError as error:
        print(f"{name}: {error}")
        return Missing(f"{what}, beside {name}", str(error).strip().splitlines()[-1])
    for their_rate, our_rate in rates:
        print(f"{what}: {name} {their_rate:.1f} requests/s, ours {our_rate:.1f}", flush=True)
    their_rate, our_rate = sorted(rates, key=lambda pair: pair[1] / pair[0])[len(rates) // 2]
    return Figure(what, our_rate, "requests/s", name, their_rate, _PEERS[name].goal)


def _request(name: str, frames: int) -> Request:
    keypoints = clip(frames).tolist()
    body = {"image_size": IMAGE_SIZE, "clips": [{"keypoints": keypoints}]}
    if name == "BentoML":
        body = {"keypoints": [keypoints]}
    return Request(_PEERS[name].path, "application/json", orjson.dumps(body))


@contextmanager
def _running(name: str, request: Request, options: argparse.Namespace) -> Iterator[int]:
    """A server that answers, and its port."""
    port = free_port()
    environment = os.environ | {
        "BENCH_GRAPH": str(model_folder(DEFAULT) / "clip.onnx"),
        "BENCH_THREADS": str(options.threads),
        "PYTHONPATH": str(_CHECKOUT),
        "RAY_AUTH_MODE": "disabled",
        "RAY_raylet_start_wait_time_s": "120",
        "RAY_USAGE_STATS_ENABLED": "0",
        "BENTOML_DO_NOT_TRACK": "True",
    }
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(
            [str(options.python), *_PEERS[name].command.split(), str(port)],
            cwd=_CHECKOUT,
            env=environment,
            stdout=log,
            stderr=log,
        )
        try:
            _wait(process, port, request)
        except RuntimeError as error:
            log.seek(0)
            raise RuntimeError(f"{log.read()[-2000:]}\n{error}") from None
        else:
            yield port
        finally:
            _end(process)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """It and all that it has started."""
    started = descendants(process.pid)
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(20)
    process.kill()
    process.wait()
    for pid in started:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _wait(process: "subprocess.Popen[bytes]", port: int, request: Request) -> None:
    until = time.monotonic() + _STARTS_WITHIN_S
    while process.poll() is None and time.monotonic() < until:
        try:
            requests_per_s(port, request, 1, 0.01)
        except RuntimeError as error:
            said = error
            time.sleep(1)
        else:
            return
    raise RuntimeError(f"it did not start, or did not answer: {said}")


if __name__ == "__main__":
    main()
