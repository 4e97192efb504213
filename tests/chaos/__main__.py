"""The command: ``python -m tests.chaos --help``."""

import argparse
import asyncio
import secrets
import sys
import tempfile
from pathlib import Path

from tests.chaos import __doc__ as description
from tests.chaos.faults import KINDS
from tests.chaos.run import Options, run
from tests.chaos.tally import Tally
from tests.models import model_folder


def main() -> int:
    """Run, and print what was counted; 1 if anything was that must not be."""
    options = _parse()
    print(f"seed {options.seed}", flush=True)
    tally = Tally(tell=lambda note: print(note, flush=True))
    try:
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            model_folder(folder / "models" / "causal", causal=True, seed=2)
            model_folder(folder / "models" / "symmetric", seed=1)
            asyncio.run(run(options, folder / "models", folder, tally))
    finally:
        print(tally.table())
    return 0 if tally.is_good else 1


def _parse() -> Options:
    kinds = "\n".join(f"  {name:16}{fault.__doc__}" for name, fault in KINDS.items())
    parser = argparse.ArgumentParser(
        prog="python -m tests.chaos",
        description=description,
        epilog=f"kinds of faults:\n{kinds}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--seed", type=int, default=secrets.randbelow(10**6), help="of what happens when")
    add("--kinds", default=",".join(KINDS), help="of faults, separated by commas", metavar="A,B")
    add("--sessions", type=int, default=12, help="at a time")
    add("--workers", type=int, default=1, help="of each replica")
    add(
        "--settle",
        type=float,
        default=5.0,
        help="POSELIFT_STORE_SETTLE_S: more if machines are busy",
    )
    add("--frames", type=int, default=1000, help="answered for each kind, at least")
    add("--seconds", type=float, default=float("inf"), help="after which no more faults begin")
    add("--until-bad", action="store_true", help="end once anything is counted that must not be")
    given = parser.parse_args()
    kinds_asked = tuple(given.kinds.split(","))
    if unknown := set(kinds_asked) - KINDS.keys():
        parser.error(f"unknown kinds: {', '.join(sorted(unknown))}; there are {', '.join(KINDS)}")
    return Options(
        given.seed,
        kinds_asked,
        given.sessions,
        given.frames,
        settle_s=given.settle,
        workers=given.workers,
        seconds=given.seconds,
        until_bad=given.until_bad,
    )


if __name__ == "__main__":
    sys.exit(main())
