"""Small motion for small models, which do not gain from threads on a busy machine."""

from collections.abc import Iterator

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
