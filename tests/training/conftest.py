"""Small motion for small models, which do not gain from threads on a busy machine."""

import runpy
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator

import pytest
import torch

from tests.training.motions import motion_set


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> Iterator[None]:
    """PyTorch computes on one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Prepared motion of six people, two of whom are held out."""
    path = tmp_path_factory.mktemp("data") / "motions.npz"
    motion_set(clips=6, frames=60).save(path)
    return path


@pytest.fixture
def command(capsys, monkeypatch) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run ``python -m MODULE ARGUMENTS…`` in this process, which has imported PyTorch already."""

    def run(module: str, *arguments: object) -> subprocess.CompletedProcess[str]:
        monkeypatch.setattr(sys, "argv", [module, *map(str, arguments)])
        capsys.readouterr()
        status = 0
        try:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "'training.*' found in sys.modules")
                warnings.filterwarnings("ignore", "Cyclopts application invoked without tokens")
                runpy.run_module(module, run_name="__main__")
        except SystemExit as ended:
            status = int(ended.code or 0)
        printed = capsys.readouterr()
        return subprocess.CompletedProcess(sys.argv, status, printed.out, printed.err)

    return run
