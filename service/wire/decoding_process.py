"""What runs in the process that decodes large bodies."""

import gc
import os
import signal
import threading
import traceback
from multiprocessing import parent_process
from multiprocessing.connection import Connection

from poselift.errors import PoseliftError
from service.requests import LiftRequest
from service.validation import Limits


def decode_until_closed(pipe: Connection, limits: Limits) -> None:
    """Answer each format and body that come through the pipe with a request, or an error."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which drains first
    # Nested lists hold no cycles, and looking for some took longer than decoding did.
    gc.disable()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    while True:
        pipe.send(_decoded(pipe, limits))
        gc.collect()


def _decoded(pipe: Connection, limits: Limits) -> LiftRequest | Exception:
    try:
        given = pipe.recv()
        request: LiftRequest = given.decode_lift_request(pipe.recv_bytes(), limits)
    except EOFError:
        raise SystemExit from None
    except PoseliftError as error:
        return error
    except Exception as error:
        error.add_note(traceback.format_exc())  # tracebacks do not come through the pipe
        return error
    return request


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
    os._exit(0)
