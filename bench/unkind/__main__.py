"""What others have of a service while callers are unkind to it, case by case.

Each case has a service of its own with the bundled models and its own defaults, and callers in
processes of their own: an unkind one, and an honest one that is measured alone and meanwhile. All
the while probes are sent to both ports. "Before" is what was seen before there were bounds.

    python -m bench.unkind [CASE …]
"""

import argparse
import time
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

from bench.unkind.bodies import bombs, junk, killed_decoding, large_bodies
from bench.unkind.connections import (
    endless_headers,
    idle_connections,
    refused_connections,
    unread_answers,
)
from bench.unkind.ends import terminated
from bench.unkind.live import all_places, beyond_capacity, reopened_sessions, stalled_store


class Case(NamedTuple):
    """One way of being unkind."""

    before: str
    measure: Callable[[], str]


CASES = {
    "headers": Case("120 MB taken in 1.5 s, memory 249 → 1,063 MB, /healthz 5 s", endless_headers),
    "bombs": Case("4.6 MB on the wire → 5.3 GB resident, without a key", bombs),
    "connections": Case("5,000 open after 35 s; 1,200 stop both servers", idle_connections),
    "refused": Case(
        "182 of 200 still open after 22 s; 14,000 lines in the log", refused_connections
    ),
    "late": Case("none refused, lateness grows to 12 s", beyond_capacity),
    "junk": Case("a live stream's frames 5 → 907 ms", junk),
    "reopened": Case("others resume in 4 s instead of 18 ms", reopened_sessions),
    "places": Case("eight sessions take all 2,048 places", all_places),
    "large": Case("an honest body is delayed by 45 s, 3 GB are kept", large_bodies),
    "unread": Case("handlers kept for 95 s, the end takes 25 s, +393–484 MB", unread_answers),
    "killed": Case("others are refused: 413, more memory than there is", killed_decoding),
    "store": Case("streams stand still for as long as the store", stalled_store),
    "end": Case("requests refused at once", terminated),
}


def main() -> None:
    """Print a row for each case, as soon as it is measured."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("cases", nargs="*", metavar="CASE", help=", ".join(CASES))
    names = parser.parse_args().cases or list(CASES)
    if unknown := set(names) - set(CASES):
        parser.error(f"no such case: {', '.join(sorted(unknown))}; there are {', '.join(CASES)}")
    print("| what | before | now |\n|---|---|---|")
    for name in names:
        case, began = CASES[name], time.monotonic()
        print(f"| {name}: {_first_line(case)} | {case.before} | {case.measure()} |", flush=True)
        print(f"{name} took {time.monotonic() - began:.0f} s", flush=True)


def _first_line(case: Case) -> str:
    return (case.measure.__doc__ or "").splitlines()[0].rstrip(".")


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main()
