"""The command: ``python -m tests.chaos --help``."""

import argparse
import asyncio
import secrets
import sys
import tempfile
from pathlib import Path

from tests.chaos.faults import KINDS
from tests.chaos.run import Options, run
from tests.models import model_folder


def main() -> int:
    """Run, and print what was counted; 1 if anything was that must not be."""
    options = _parse()
    print(f"seed {options.seed}", flush=True)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        model_folder(folder / "models" / "causal", causal=True, seed=2)
        model_folder(folder / "models" / "symmetric", seed=1)
        tally = asyncio.run(run(options, folder / "models", folder))
    print(tally.table())
    print("\n".join(tally.notes))
    return 0 if tally.is_good else 1


def _parse() -> Options:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    add = parser.add_argument
    add("--seed", type=int, default=secrets.randbelow(10**6), help="of what happens when")
    add("--kinds", default=",".join(KINDS), help="of faults, separated by commas")
    add("--sessions", type=int, default=12, help="at a time")
    add("--frames", type=int, default=1000, help="answered for each kind, at least")
    add("--seconds", type=float, default=float("inf"), help="after which no more faults begin")
    given = parser.parse_args()
    kinds = tuple(given.kinds.split(","))
    if unknown := set(kinds) - KINDS.keys():
        parser.error(f"unknown kinds: {', '.join(sorted(unknown))}; there are {', '.join(KINDS)}")
    return Options(given.seed, kinds, given.sessions, given.frames, seconds=given.seconds)


if __name__ == "__main__":
    sys.exit(main())
