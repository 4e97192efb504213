"""Fixtures that more than one folder of tests uses."""

from pathlib import Path

import pytest

from tests.models import model_set_folder


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of small real models; see ``tests.models.model_set_folder``."""
    return model_set_folder(tmp_path_factory.mktemp("models"))
