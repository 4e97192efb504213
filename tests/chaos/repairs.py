"""What keeps chaos quiet: each repair is taken out of a copy of the service, and chaos has to tell.

python -m tests.chaos.repairs [--seed N] [NAME ...]
"""

import argparse
import os
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

_ROOT = Path(__file__).parents[2]
_LONGEST_S = 900


@dataclass(frozen=True)
class Repair:
    """Something that the service does, and its code without it.

    Attributes:
        does: what it is.
        kind: of the faults that show when it is missing.
        file: in ``service/live``.
        changes: texts, each of which is in the file once, and what stands there instead.
    """

    does: str
    kind: str
    file: str
    changes: tuple[tuple[str, str], ...]

    def without(self) -> str:
        """The file's text when it is taken out."""
        text = (_ROOT / "service/live" / self.file).read_text()
        for there, instead in self.changes:
            if text.count(there) != 1:
                raise ValueError(f"{self.file} has not once, but {text.count(there)}×: {there}")
            text = text.replace(there, instead)
        return text


REPAIRS = {
    "gaps": Repair(
        "an append that does not follow the record is refused",
        "failover",
        "store_scripts.py",
        (
            (
                "if state ~= 'there' then return {state} end\nlocal trim",
                "if state == 'fenced' or not is_at then return {state} end\nlocal trim",
            ),
            ("'NOMKSTREAM', ", ""),
        ),
    ),
    "refill": Repair(
        "a holder whose append is refused writes all it has",
        "damaged",
        "frame_log.py",
        (
            (
                "self._away_since = time.monotonic()\n            await self._write_all()",
                "self._written_at = time.monotonic()",
            ),
        ),
    ),
    "rewind": Repair(
        "a resumed session goes on from the frames that are there",
        "unheld",
        "frame_log.py",
        (
            (
                "        self.next_index = self._recent[-1].index + 1 if self._recent else 0\n",
                "        self._recent.clear()\n"
                "        self._recent.extend(stored)\n"
                "        self.next_index = next_index\n",
            ),
            ("if self.next_index != next_index or stored[-1].index >= next_index:", "if False:"),
        ),
    ),
    "leftovers": Repair(
        "an opening deletes what is left of a session without its hash",
        "unheld",
        "store_scripts.py",
        (
            (
                "  if redis.call('EXISTS', KEYS[1], KEYS[2]) > 0 "
                "then redis.call('DEL', KEYS[1], KEYS[2]) end\n",
                "",
            ),
            ("of_type(KEYS[2], 'stream')\nlocal time", "local time"),
        ),
    ),
    "watch": Repair(
        "holders ask whether the store is in another life, and write back",
        "flushed",
        "registry.py",
        (("(self._sweep(), self._watch())", "(self._sweep(),)"),),
    ),
    "sweep": Repair(
        "quiet sessions are compared with the store every five seconds",
        "damaged",
        "registry.py",
        (("                await self._look_after_quiet(interval_s)\n", ""),),
    ),
    "settle": Repair(
        "openings wait for holders to write back",
        "flushed",
        "store.py",
        (("            if left_s <= 0:\n", "            if True:\n"),),
    ),
    "flush": Repair(
        "a replica that stops compares its sessions with the store",
        "flushed+stopped",
        "session.py",
        (
            (
                "while not await self._log.flush():",
                "while not (self._log.is_written or await self._log.flush()):",
            ),
        ),
    ),
    "fences": Repair(
        "later writers have higher fences, by the server's clock",
        "former",
        "store_scripts.py",
        (
            (
                "return other and other < tonumber(fence) and 'behind' or 'fenced'",
                "return other and other ~= tonumber(fence) and 'behind' or 'fenced'",
            ),
        ),
    ),
    "check": Repair(
        "a session is opened, written and closed to see whether the store can be used",
        "refused",
        "store.py",
        (
            (
                '        session_id = f"check-{secrets.token_urlsafe(18)}"\n        try:\n',
                '        session_id = ""\n        try:\n'
                "            await self._connection.asked(self._connection.redis.ping())\n"
                "            return self._connection.found()\n",
            ),
        ),
    ),
}


def main() -> int:
    """Take them out one after the other; 1 if chaos is quiet without one."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.repairs", description=__doc__)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    parser.add_argument("names", nargs="*", default=list(REPAIRS), metavar="NAME")
    given = parser.parse_args()
    print(f"seed {given.seed}", flush=True)
    told = {name: _without(REPAIRS[name], given.seed) for name in given.names}
    return 0 if all(told.values()) else 1


def _without(repair: Repair, seed: int) -> bool:
    """Whether chaos tells."""
    with tempfile.TemporaryDirectory() as temporary:
        tree = Path(temporary)
        for name in ("service", "tests"):
            shutil.copytree(_ROOT / name, tree / name)
        for name in ("poselift", "training"):
            (tree / name).symlink_to(_ROOT / name)
        (tree / "service/live" / repair.file).write_text(repair.without())
        command = [sys.executable, "-m", "tests.chaos", "--seed", str(seed), "--kinds", repair.kind]
        ended = subprocess.run(
            [*command, "--until-bad", "--frames", "1000000", "--settle", "1", "--seconds", "300"],
            check=False,
            cwd=tree,
            env=os.environ | {"PYTHONPATH": str(tree)},
            stdout=subprocess.PIPE,
            text=True,
            timeout=_LONGEST_S,
        )
    if ended.returncode not in {0, 1} or "faults" not in ended.stdout:
        raise RuntimeError(ended.stdout)
    seen = re.findall(rf"^{re.escape(repair.kind)}: (\w+: .*)", ended.stdout, re.MULTILINE)
    print(
        f"without: {repair.does}\n  {repair.kind}: {'; '.join(seen[:3]) or 'nothing'}", flush=True
    )
    return ended.returncode != 0 and bool(seen)


if __name__ == "__main__":
    sys.exit(main())
