"""Measurements in processes of their own, so that none is in another's way or can end the rest."""

import contextlib
import importlib
import multiprocessing
import os
import signal
import traceback
from collections.abc import Sequence
from multiprocessing.connection import Connection

from bench.figures import FAILED, Figures, Missing

_LONGEST_S = 600.0
"""One that takes longer is stopped."""


def measured(name: str, arguments: Sequence[str]) -> Figures:
    """What one finds, in a process of its own."""
    context = multiprocessing.get_context("spawn")
    receiving, sending = context.Pipe(duplex=False)
    process = context.Process(target=_measure, args=(name, arguments, sending))
    process.start()
    sending.close()
    try:
        if not receiving.poll(_LONGEST_S):
            return [Missing(name, f"{FAILED}: took longer than {_LONGEST_S:.0f} s")]
        found: Figures = receiving.recv()
    except EOFError:
        return [Missing(name, f"{FAILED}: its process ended early")]
    else:
        return found
    finally:
        _end(process.pid)
        process.join()


def _measure(name: str, arguments: Sequence[str], sending: Connection) -> None:
    os.setsid()  # so that whatever it has started can be ended with it
    # Else PyTorch's threads wait by spinning, and other programs slow it many times more than us.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    try:
        figures: Figures = importlib.import_module(f"bench.{name}").main(arguments)
    except (Exception, SystemExit) as error:
        traceback.print_exc()
        figures = [Missing(name, f"{FAILED}: {error}")]
    sending.send(figures)


def _end(group: int | None) -> None:
    """Processes that a measurement has left behind, and its own if it still runs."""
    assert group is not None
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)
