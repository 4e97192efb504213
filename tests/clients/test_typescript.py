"""The TypeScript client: built, and tested by its own tests against a real service."""

import json
import re
import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import poselift
from tests.clients.servers import RestartedService, restarted_service
from tests.live.stores import StoreServer
from tests.models import person_clip
from tests.node import npm
from tests.poselift.video.made_videos import colours, made_video, pictures
from tests.serving import service_process

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "clients" / "typescript"
KEY = "a-key~with/unusual+characters="
SIZE = (1000, 800)


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The client in a folder of its own, with what its tests need."""
    folder = tmp_path_factory.mktemp("typescript") / "client"
    ignored = shutil.ignore_patterns("node_modules", "dist", "build")
    shutil.copytree(SOURCES, folder, ignore=ignored)
    done = npm(folder, "ci")
    if done.returncode != 0:
        pytest.skip(f"npm cannot install: {done.stderr.strip().splitlines()[-1:]}")
    return folder


@contextmanager
def control(service: RestartedService, store: StoreServer) -> Iterator[str]:
    """An address by which a test kills and starts a service."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            service.stop()
            if self.path == "/forget":
                store.ask("FLUSHALL")
            if self.path == "/restart":
                service.start()
            else:
                service.start_soon()
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.timeout(900)
def test_the_typescript_client(
    package: Path, models: Path, one_store: StoreServer, tmp_path: Path
) -> None:
    keypoints = person_clip(30)
    options = {"image_size": SIZE, "fps": 20.0}
    case = {
        "request": {**options, "clips": [{"keypoints": keypoints.tolist()}]},
        "poses": poselift.lift(keypoints, model=models / "symmetric", **options).poses.tolist(),
        "live_poses": poselift.lift(keypoints, model=models / "causal", **options).poses.tolist(),
        "api_key": KEY,
        "video": str(made_video(tmp_path / "one.mp4", pictures(20))),
    }
    settings = {"DEFAULT_MODEL": "symmetric", "LIVE_MODEL": "causal", "THREADS": "1"}
    detectors = str(colours(tmp_path / "detectors"))
    limit = {"MAX_FRAMES_PER_REQUEST": "2000"}
    with (
        service_process(
            models, **settings, **limit, DETECTORS_DIR=detectors, MAX_VIDEOS="9"
        ) as service,
        service_process(models, **settings, API_KEYS=KEY) as locked,
        restarted_service(models, one_store) as restarted,
        control(restarted, one_store) as control_url,
    ):
        case |= {"url": service.url, "locked_url": locked.url}
        case |= {"restarted_url": restarted.url, "control_url": control_url}
        (tmp_path / "case.json").write_text(json.dumps(case))
        done = npm(package, "test", POSELIFT_TEST_CASE=str(tmp_path / "case.json"))
        sys.stdout.write(done.stdout)
        assert done.returncode == 0, done.stdout + done.stderr
        (package / "example.mjs").write_text(_example(service.url, keypoints.tolist()))
        done = npm(package, "exec", "--", "node", "example.mjs")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.split("\n")[:3] == ["30 measured", "0 measured", "1 measured"]


def _example(url: str, keypoints: list[object]) -> str:
    """The example of the documentation, with frames."""
    page = (ROOT / "docs" / "clients.md").read_text()
    (code,) = re.findall(r"^```ts\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    code = re.sub(r"\[/\*.*?\*/\]", lambda _: json.dumps(keypoints), code)
    socket = 'import WebSocket from "ws"; globalThis.WebSocket ??= WebSocket;\n'
    return socket + code.replace("http://127.0.0.1:8000", url)


def test_the_package_has_no_dependencies_and_names_no_registry() -> None:
    described = json.loads((SOURCES / "package.json").read_text())
    assert "dependencies" not in described
    locked = (SOURCES / "package-lock.json").read_text()
    assert '"resolved"' not in locked
    assert json.loads(locked)["version"] == described["version"]
