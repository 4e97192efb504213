"""Every measurement, one after the other, and one table of what they found.

Each runs in processes of its own and prints as it goes; one that fails or takes too long costs its
own lines alone. The table comes last, and is written as JSON; with ``--page`` into a page too,
between its two marks.

    python -m bench [--quick] [--peers] [--page docs/speed.md] [--json build/bench.json] [NAME ...]
"""

import argparse
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from bench.figures import Missing
from bench.measuring import measured
from bench.report import Report


@dataclass(frozen=True)
class _Measurement:
    """A module of this package, with the arguments of its command."""

    name: str
    arguments: str = ""
    quick: str | None = None
    """Those of a smoke run of seconds; None leaves it out of one."""


_ALL = (
    _Measurement("http_throughput", "", "--rounds 1 --seconds 0.3 --callers 4"),
    _Measurement("http_throughput", "--frames 243"),
    _Measurement("live_sessions", "--first 50 --step 25"),
    _Measurement("live_frame_cost"),
    _Measurement("workers", "--people 20 --step 25"),
    _Measurement("start", "--rounds 3", "--rounds 1"),
    _Measurement("overload", "--seconds 5"),
    _Measurement("long_clip", "--frames 20000"),
    _Measurement("live_memory", "--hours 0.02 --sessions 500"),
    _Measurement("resume_storm", "--sessions 50"),
    _Measurement("clip_graph", "--seconds 1.5"),
    _Measurement("stepping", "", "--rounds 2 --tracks 4 --channels 32"),
    _Measurement("light_model", "--rounds 10"),
    _Measurement("int8"),
    _Measurement("gpu", "", ""),
    _Measurement("training", "--rounds 2 --batch-size 32"),
    _Measurement("association", "--seeds 2"),
    _Measurement("page", "--seconds 5"),
)
_PEERS = (_Measurement("peers.comparison"), _Measurement("peers.comparison", "--frames 243"))


def main() -> int:
    """Run them all and print the table; 1 if one of them failed."""
    options = _parse()
    chosen = [
        each
        for each in (*_ALL, *(_PEERS if options.peers else ()))
        if not options.names or each.name in options.names
    ]
    if options.quick:
        chosen = [each for each in chosen if each.quick is not None]
    report = Report()
    for each in chosen:
        arguments = ((each.quick if options.quick else each.arguments) or "").split()
        if each.name == "int8" and options.motion:
            arguments += ["--calibration", options.motion[0], "--data", options.motion[1]]
        print(f"\n== {each.name} {' '.join(arguments)}", flush=True)
        began = time.perf_counter()
        figures = measured(each.name, arguments)
        print(f"-- {time.perf_counter() - began:.0f} s", flush=True)
        report.add(figures)
        report.write_json(options.json)  # now, as the next one may be interrupted
    if not options.peers:
        report.add([Missing("other servers with the same graph", "asked for with --peers")])
    print(f"\n{report.table()}\n{report.machine}")
    report.write_json(options.json)
    if options.page:
        report.write_page(options.page)
    return int(report.has_failed)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    known = sorted({each.name for each in (*_ALL, *_PEERS)})
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"some of {', '.join(known)}")
    parser.add_argument("--quick", action="store_true", help="a smoke run of seconds")
    parser.add_argument("--peers", action="store_true", help="other servers too: bench/peers")
    parser.add_argument(
        "--motion",
        nargs=2,
        metavar=("TRAINED_ON", "HELD_OUT"),
        help="prepared motion for the errors of models in 8-bit integers",
    )
    parser.add_argument("--page", type=Path, help="a page to write the table into")
    parser.add_argument("--json", type=Path, default=Path("build/bench.json"))
    options = parser.parse_args()
    if strangers := set(options.names) - set(known):
        parser.error(f"NAME: expected some of {', '.join(known)}: {', '.join(sorted(strangers))}")
    return options


if __name__ == "__main__":
    sys.exit(main())
