"""``poselift bench`` at a tiny size: which figures there are, not how large they are."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from poselift.command.bench import bench
from poselift.command.options import Server
from poselift.command.usage import UsageError
from tests.serving import ServiceProcess, service_process


@pytest.fixture(scope="module")
def service(models: Path) -> Iterator[ServiceProcess]:
    settings = {"DEFAULT_MODEL": "symmetric", "LIVE_MODEL": "causal", "THREADS": "1"}
    with service_process(models, **settings) as running:
        yield running


@pytest.fixture
def measured(capsys: pytest.CaptureFixture[str]) -> Callable[..., dict[str, Any]]:
    def measure(*models: object, server: str | None = None) -> dict[str, Any]:
        bench(*map(str, models), frames=9, seconds=0.01, server=Server(server), json=True)
        found: dict[str, Any] = json.loads(capsys.readouterr().out)
        return found

    return measure


def check_all_are_measured(row: dict[str, Any]) -> None:
    assert all(each > 0 for name, each in row.items() if name != "model"), row


def test_models_are_measured_in_process(
    models: Path, measured: Callable[..., dict[str, Any]]
) -> None:
    found = measured(models / "causal", models / "symmetric")
    causal, symmetric = found["models"]
    check_all_are_measured(causal)
    check_all_are_measured(symmetric)
    assert (causal["model"], symmetric["model"]) == ("causal", "symmetric")
    assert causal["clip_ratio"] == causal["live_ratio"] == 1
    assert found["measured_on"].keys() >= {"processor", "cores", "system", "python", "onnxruntime"}


@pytest.mark.parametrize("scheme", ["http", "grpc"])
def test_models_are_measured_at_a_server(
    service: ServiceProcess, scheme: str, measured: Callable[..., dict[str, Any]]
) -> None:
    port = service.http_port if scheme == "http" else service.grpc_port
    url = f"{scheme}://127.0.0.1:{port}"
    found = measured("live", "symmetric", server=url)
    assert found["measured_on"]["server"] == url
    causal, symmetric = found["models"]
    check_all_are_measured(causal)
    assert symmetric["clip_frames_per_s"] > 0
    assert symmetric["live_people"] is None


def test_the_table_has_a_line_a_model(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bench(str(models / "causal"), frames=9, seconds=0.01)
    heading, causal, machine = capsys.readouterr().out.splitlines()
    assert heading.split()[:2] == ["model", "clips,"]
    assert causal.split()[:1] == ["causal"]
    assert machine.startswith("measured on processor ")


def test_unknown_models_are_a_wrong_command_line(service: ServiceProcess) -> None:
    with pytest.raises(UsageError, match="MODELS: no model 'huge': expected a folder"):
        bench("huge")
    with pytest.raises(UsageError, match=r"MODELS: expected one of the server's .*: 'huge'"):
        bench("huge", server=Server(service.url))
