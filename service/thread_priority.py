"""Which threads of the process go first where there are fewer cores than work."""

import os
import sys
import threading

_NICER_BY = 5


def give_way() -> None:
    """Let other threads go before this one and those that it starts.

    A model takes whatever time there is; the event loop's work is short, and all wait for it.
    """
    if sys.platform == "linux":  # elsewhere it would be for the whole process
        thread = threading.get_native_id()
        niceness = os.getpriority(os.PRIO_PROCESS, thread) + _NICER_BY
        os.setpriority(os.PRIO_PROCESS, thread, niceness)
