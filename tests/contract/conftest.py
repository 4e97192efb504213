"""A service in a process of its own, and every way to reach it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.transports import Grpc, JsonOverHttp, ProtobufOverHttp, Transport
from tests.poselift.video.made_videos import colours, python_detector
from tests.serving import ServiceProcess, service_process

LIMITS = {
    "MAX_BODY_BYTES": str(16 * 1024 * 1024),
    "MAX_FRAMES_PER_REQUEST": "20000",
    "MAX_CLIPS_PER_REQUEST": "50",
    "MAX_VIDEO_BYTES": "4000000",
    "MAX_VIDEO_S": "5",
}
_BROKEN = "raise SystemExit('no weights')"
_ENVIRONMENT = "import os, json; raise SystemExit(json.dumps([*os.environ]))"
_ENDLESS = """
import json, os, pathlib, sys, time
pathlib.Path(sys.argv[1]).write_text(str(os.getpid()))
print(json.dumps({"keypoint_format": "coco17"}), flush=True)
print(json.dumps({"frame": 0, "people": []}), flush=True)
time.sleep(600)
"""


@pytest.fixture(scope="session")
def detectors(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the example's detector and others that do not do what they should."""
    folder = colours(tmp_path_factory.mktemp("detectors"))
    for name, code in (("broken", _BROKEN), ("environment", _ENVIRONMENT), ("endless", _ENDLESS)):
        python_detector(folder, name, code, str(folder / f"{name}.pid"))
    return folder


@pytest.fixture(scope="session")
def service(models: Path, detectors: Path) -> Iterator[ServiceProcess]:
    """A service without keys and with limits that tests can reach."""
    settings = {"DEFAULT_MODEL": "symmetric", "THREADS": "1", "DETECTORS_DIR": str(detectors)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOME_TOKEN", "secret")  # of something else, which no detector may see
        with service_process(models, **settings, **LIMITS) as running:
            yield running


@pytest.fixture(scope="session")
def transports(service: ServiceProcess) -> Iterator[dict[str, Transport]]:
    """The transports by name."""
    every = {
        "json": JsonOverHttp(service),
        "protobuf": ProtobufOverHttp(service),
        "grpc": Grpc(service),
    }
    yield dict(every)
    for transport in every.values():
        transport.close()
