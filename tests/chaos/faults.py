"""All kinds of faults."""

from collections.abc import Awaitable, Callable

from tests.chaos import losses, outages
from tests.chaos.stage import Stage

Fault = Callable[[Stage], Awaitable[None]]
"""One fault, up to when everything is as it was."""

KINDS: dict[str, Fault] = {
    "older": losses.restarted_older,
    "empty": losses.restarted_empty,
    "flushed": losses.flushed,
    "failover": losses.failed_over,
    "flushed+stopped": losses.stopped_after_flush,
    "damaged": losses.damaged,
    "evicted": losses.evicted,
    "unheld": losses.lost_unheld,
    "former": losses.former_writer,
    "killed": outages.killed,
    "part": outages.part_killed,
    "stopped": outages.stopped,
    "hung": outages.hung,
    "dropped": outages.dropped,
    "contended": outages.contended,
    "cut": outages.cut,
    "partitioned": outages.partitioned,
    "restarted": outages.restarted,
    "paused": outages.paused,
    "full": outages.full,
    "read-only": outages.read_only,
    "refused": outages.refused,
    "scripts": outages.scripts_forgotten,
}
"""By name; those of the first group lose data, see ``losses``."""
