"""The processor time that a live frame takes in the service, part by part, over gRPC.

The callers of ``bench.live_sessions`` send frames of one person each at a constant rate; the store
is a real one, and the model runs on one thread, so that its time can be told from Python's. The
baseline is gRPC alone, in the same run: a server that answers the same messages with ready ones.
With ``--against`` another checkout of the project is measured before this one in each round.

    python -m bench.live_frame_cost [--sessions 60] [--seconds 8] [--rounds 1] [--against CHECKOUT]
"""

import argparse
import mmap
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial, wraps
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import grpc.aio
import numpy as np
import uvloop
from numpy.typing import NDArray

if TYPE_CHECKING:
    from bench.figures import Figures

Totals: TypeAlias = "np.memmap[Any, np.dtype[np.float64]]"

_CHECKOUT: Final = Path(__file__).resolve().parents[1]
_TOTALS: Final = "BENCH_TOTALS"
"""The file in which the measured process keeps its totals: frames, then seconds by part."""
_WITHIN: Final = ("decoding", "encoding", "stepping", "model")
_PARTS: Final = ("gRPC's threads", "event loop", *_WITHIN)
_ANSWER_BYTES: Final = 330
"""As long as the answer with one person."""
_SAMPLED: Final = 16
"""Of so many calls of what is called for each frame one is timed."""
_WARM_UP_S: Final = 1.0
_MOST_PYTHON_US: Final = 280
"""Of which about 80 are gRPC's own, without its threads."""


def main(arguments: Sequence[str] | None = None) -> "Figures":
    """Print a line for each measurement."""
    if "--serve" in sys.argv:
        _serve()
    elif "--echo" in sys.argv:
        uvloop.run(_echo())
    else:
        return _measure_all(_parse(arguments))
    return []


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=60)
    parser.add_argument("--fps", type=float, default=30)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--against", type=Path)
    parser.add_argument("--store", default="redis-server")
    return parser.parse_args(arguments)


def _measure_all(options: argparse.Namespace) -> "Figures":
    from bench.figures import Figure, Goal  # noqa: PLC0415 - not in the service, of any checkout

    print("microseconds of processor time a frame; Python is all but gRPC's threads and the model")
    print(f"{'':24}" + "".join(f"{part:>15}" for part in ("frames/s", *_PARTS, "Python", "all")))
    alone, ours = [], []
    for _ in range(options.rounds):
        alone.append(_print("gRPC alone", _measured(_echo_process, options)))
        for checkout in filter(None, (options.against, _CHECKOUT)):
            found = _measured(partial(_service, checkout, options), options)
            python = _print(str(checkout), found)
        ours.append(python)
    what = f"Python for a live frame, {options.sessions} people at {options.fps:g} fps"
    most = Goal(_MOST_PYTHON_US, at_most=True, of_value=True)
    median_us, alone_us = map(statistics.median, (ours, alone))
    return [Figure(what, median_us, "µs", "gRPC alone", alone_us, most)]


def _print(name: str, found: dict[str, float]) -> float:
    """Print a line; Python's part of it."""
    python = sum(found[part] for part in _PARTS if part not in {"gRPC's threads", "model"})
    numbers = found["frames/s"], *(found[part] for part in _PARTS), python, found["all"]
    print(f"{name[-24:]:24}" + "".join(f"{number:15.0f}" for number in numbers), flush=True)
    return python


def _measured(start: Callable[[Totals], Any], options: argparse.Namespace) -> dict[str, float]:
    with tempfile.NamedTemporaryFile() as file:
        totals = np.memmap(file.name, np.float64, "w+", shape=1 + len(_WITHIN))
        with start(totals) as (pid, port), _callers(port, options):
            while totals[0] < _WARM_UP_S * options.fps * options.sessions:
                time.sleep(0.05)
            before, began = _readings(pid, totals), time.perf_counter()
            time.sleep(options.seconds)
            after, seconds = _readings(pid, totals), time.perf_counter() - began
    frames, main, everything, *within = after - before
    decoding, encoding, running, model = within
    spent = main - decoding - encoding, decoding, encoding, running - model, model
    parts = dict(zip(_PARTS, (everything - main - running, *spent), strict=True))
    parts["all"] = everything
    return {name: 1e6 * s / frames for name, s in parts.items()} | {"frames/s": frames / seconds}


def _readings(pid: int, totals: Totals) -> NDArray[np.float64]:
    """Frames answered, seconds of the main thread and of all threads, seconds by part."""
    tasks = Path(f"/proc/{pid}/task")
    spent = {
        each.name: int((each / "schedstat").read_text().split()[0]) for each in tasks.iterdir()
    }
    return np.array([totals[0], spent[str(pid)] / 1e9, sum(spent.values()) / 1e9, *totals[1:]])


@contextmanager
def _callers(port: int, options: argparse.Namespace) -> Iterator[None]:
    seconds = 2 * (options.seconds + _WARM_UP_S)
    command = [sys.executable, "-m", "bench.live_sessions", "--client", "--port", str(port)]
    command += ["--sessions", str(options.sessions), "--fps", str(options.fps)]
    command += ["--seconds", str(seconds), "--lookahead", "0"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=_CHECKOUT)
    try:
        yield
    finally:
        process.kill()
        process.wait()


@contextmanager
def _service(
    checkout: Path, options: argparse.Namespace, totals: Totals
) -> Iterator[tuple[int, int]]:
    from tests.live.stores import binaries, store_server  # noqa: PLC0415 - not in the service
    from tests.serving import service_process  # noqa: PLC0415

    os.environ |= {"PYTHONPATH": str(checkout), _TOTALS: str(totals.filename)}
    binary = shutil.which(options.store) or next(iter(binaries().values()))
    program = str(Path(__file__).resolve()), "--serve"
    models = checkout / "poselift" / "models"
    with (
        tempfile.TemporaryDirectory() as folder,
        store_server(binary, Path(folder)) as store,
        service_process(models, program=program, REDIS_URL=store.url, THREADS="1") as service,
    ):
        yield service.process.pid, service.grpc_port


def _serve() -> None:
    """The service, whose parts add up how long they take."""
    import service.__main__  # noqa: PLC0415 - of the checkout that is measured
    from poselift.runtime.step import StepModel  # noqa: PLC0415
    from service.live.step_batcher import StepBatcher  # noqa: PLC0415
    from service.wire.protobuf_reading import ProtobufReader  # noqa: PLC0415
    from service.wire.protobuf_writing import ProtobufWriter  # noqa: PLC0415

    totals = _shared_totals()
    functions = (
        (ProtobufReader, "decode_stream_message"),
        (ProtobufWriter, "encode_pose"),
        (StepBatcher, "_run"),
        (StepModel, "step"),
    )
    for part, (kind, name) in enumerate(functions, start=1):
        setattr(kind, name, _timed(getattr(kind, name), part, totals))
    sys.exit(service.__main__.main())


def _timed(
    function: Callable[..., Any], part: int, totals: "memoryview[float]"
) -> Callable[..., Any]:
    is_of_a_frame = function.__name__ == "encode_pose"
    # Asking for the time takes some microseconds itself.
    every, calls = (1 if part > 2 else _SAMPLED), count()

    @wraps(function)
    def timed(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - whatever it is
        totals[0] += is_of_a_frame
        if next(calls) % every:
            return function(*arguments, **named)
        began = time.thread_time()
        found = function(*arguments, **named)
        totals[part] += every * (time.thread_time() - began)
        return found

    return timed


@contextmanager
def _echo_process(totals: Totals) -> Iterator[tuple[int, int]]:
    command = [sys.executable, str(Path(__file__).resolve()), "--echo"]
    environment = {**os.environ, _TOTALS: str(totals.filename)}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stdout is not None
    try:
        yield process.pid, int(process.stdout.readline())
    finally:
        process.kill()
        process.wait()


async def _echo() -> None:
    """Answer every message of every stream with a ready one."""
    totals, answer = _shared_totals(), bytes(_ANSWER_BYTES)
    method: Any

    async def serve(_: object, call: Any) -> None:  # noqa: ANN401 - grpc's
        while isinstance(await call.read(), bytes):
            await call.write(answer)
            totals[0] += 1

    method = grpc.stream_stream_rpc_method_handler(serve)
    handler = grpc.method_handlers_generic_handler("poselift.v1.PoseLift", {"LiftStream": method})
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((handler,))
    print(server.add_insecure_port("127.0.0.1:0"), flush=True)
    await server.start()
    await server.wait_for_termination()


def _shared_totals() -> "memoryview[float]":
    """As a view: a memmap would take a microsecond for each number."""
    with Path(os.environ[_TOTALS]).open("r+b") as file:
        return memoryview(mmap.mmap(file.fileno(), 0)).cast("d")


if __name__ == "__main__":
    main()
