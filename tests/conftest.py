"""Fixtures that more than one folder of tests uses."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.models import model_set_folder


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of small real models; see ``tests.models.model_set_folder``."""
    return model_set_folder(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="session", autouse=True)
def _ffmpeg_is_not_forked() -> Iterator[None]:
    """Have imageio start ffmpeg without a function to run between fork and exec.

    In a process in which gRPC has threads, such a fork may end before there is an ffmpeg.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IMAGEIO_FFMPEG_NO_PREVENT_SIGINT", "1")
        yield
