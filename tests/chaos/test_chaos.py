"""Every kind of fault once; ``python -m tests.chaos`` has many of each."""

import shutil
from pathlib import Path

import pytest

from tests.chaos.faults import KINDS
from tests.chaos.repairs import REPAIRS
from tests.chaos.run import Options, run
from tests.chaos.tally import Tally

SHORT = Options(
    17, sessions=4, frames=1, clips=2, length=50, settle_s=1, rest_s=0.05, pace=0.1, sweeps=False
)


@pytest.mark.timeout(900)  # replicas start five times; a busy machine takes minutes
async def test_nothing_durable_is_lost_and_no_answer_is_wrong(models: Path, tmp_path: Path) -> None:
    for name in ("causal", "symmetric"):
        shutil.copytree(models / name, tmp_path / "models" / name)
    tally = Tally()
    await run(SHORT, tmp_path / "models", tmp_path, tally)
    assert tally.is_good, "\n".join((tally.table(), *tally.notes))
    assert tally.counts.keys() == KINDS.keys(), tally.table()


def test_every_repair_can_be_taken_out() -> None:
    assert all(repair.without() for repair in REPAIRS.values())
