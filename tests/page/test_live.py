"""The page's live tab in a real browser: a camera, replayed keypoints, a server that comes back."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from matplotlib import cbook
from PIL import Image
from playwright.sync_api import Browser, Download, Page, expect

from tests.clients.servers import restarted_service
from tests.live.stores import binaries, store_server
from tests.page.conftest import MODELS, TIMEOUT_MS, launched, opened
from tests.poselift.writers.bvh_reader import read_bvh

KEY = "a key with/unusual+characters=~"
AWAY = ("WebSocket connection to", "Failed to load resource")
SMALL = {"width": 720, "height": 560}  # software draws every pixel
KEEP_STREAMS = """
window.streams = [];
const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
navigator.mediaDevices.getUserMedia = async (wanted) => {
    const stream = await ask(wanted);
    window.streams.push(stream);
    return stream;
};
"""
FROM_ELSEWHERE = "Object.defineProperty(self, 'isSecureContext', {value: false})"
WITHOUT_3D = """
const context = HTMLCanvasElement.prototype.getContext;
HTMLCanvasElement.prototype.getContext = function (kind, ...options) {
    return kind.startsWith("webgl") ? null : context.call(this, kind, ...options);
};
"""
LEFT_SHOULDER, RIGHT_SHOULDER = 11, 12


@pytest.fixture(scope="module")
def portrait() -> Image.Image:
    """A photograph of a person who faces the camera."""
    photograph = Image.open(cbook.get_sample_data("grace_hopper.jpg", asfileobj=False))
    return photograph.convert("RGB").resize((320, 384))


@pytest.fixture(scope="module")
def camera(portrait: Image.Image, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a camera in front of a person records, as an uncompressed video."""
    y, cb, cr = portrait.convert("YCbCr").split()
    half = (160, 192)
    planes = y.tobytes() + cb.resize(half).tobytes() + cr.resize(half).tobytes()
    path = tmp_path_factory.mktemp("camera") / "person.y4m"
    path.write_bytes(b"YUV4MPEG2 W320 H384 F5:1 C420jpeg\n" + (b"FRAME\n" + planes) * 5)
    return path


@pytest.fixture(scope="module")
def browser(camera: Path) -> Iterator[Browser]:
    with launched(
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-video-capture={camera}",
    ) as started:
        yield started


def sent(page: Page, count: int) -> None:
    """Wait until so many frames have gone to the server."""
    page.wait_for_function(
        "count => Number(document.querySelector('[data-sent]')?.dataset.sent ?? 0) >= count",
        arg=count,
    )


def shown(page: Page, people: int) -> None:
    """Wait until so many people are shown in 3D."""
    expect(page.locator("canvas.scene")).to_have_attribute(
        "data-people", str(people), timeout=TIMEOUT_MS
    )


def click(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def exported(page: Page, name: str) -> Download:
    with page.expect_download() as download:
        click(page, name)
    return download.value


@pytest.mark.timeout(300)
def test_a_camera_is_lifted_live(browser: Browser, url: str, tmp_path: Path) -> None:
    with opened(browser, f"{url}#live", script=KEEP_STREAMS, viewport=SMALL) as page:
        click(page, "Start")
        shown(page, 1)
        assert page.locator(".live-picture.mirrored").count() == 1
        click(page, "Record")
        sent(page, 6)
        assert "durable" in page.locator(".live-figures").inner_text()
        assert re.search(r"Keypoints\s+\d+\s+\d+", page.locator(".delays").inner_text())
        click(page, "Stop")
        page.wait_for_function(
            "() => streams[0].getTracks().every(({ readyState }) => readyState === 'ended')"
        )
        exported(page, "JSON").save_as(tmp_path / "recorded.json")
        exported(page, "BVH").save_as(tmp_path / "recorded.bvh")
        page.wait_for_function("() => document.querySelector('.live-picture .empty')")
    recorded = json.loads((tmp_path / "recorded.json").read_text())
    assert (recorded["image_size"], recorded["keypoint_format"]) == ([320, 384], "mediapipe33")
    assert (recorded["axes"], len(recorded["skeleton"]["joints"])) == ("y_up", 17)
    people = [frame["keypoints"] for frame in recorded["frames"]]
    keypoints = next(each for each in people if each)[0]["keypoints"]
    # She faces the camera: her left is on the right of its picture, mirror or not.
    assert keypoints[LEFT_SHOULDER][0] > keypoints[RIGHT_SHOULDER][0] + 50
    assert len(read_bvh(tmp_path / "recorded.bvh").rows) > 0
    metrics = httpx.get(f"{url}metrics").text
    assert "poselift_live_sessions 0.0" in metrics


@pytest.mark.timeout(300)
def test_a_video_is_lifted_live(
    browser: Browser, url: str, portrait: Image.Image, tmp_path: Path
) -> None:
    imageio = pytest.importorskip("imageio.v3")
    video = tmp_path / "person.mp4"
    imageio.imwrite(video, np.stack([portrait] * 20), fps=10, macro_block_size=None)
    with opened(browser, f"{url}#live", viewport=SMALL) as page:
        page.get_by_role("radio", name="Video file").check(force=True)
        expect(page.locator(".live-state")).to_have_text("Choose a video first.")
        page.locator(".source input[type=file]").set_input_files(video)
        click(page, "Start")
        shown(page, 1)
        assert page.locator(".live-picture.mirrored").count() == 0
        page.get_by_label("Begin again at the end").uncheck()
        expect(page.locator(".live-state")).to_have_text("Stopped")


def test_a_page_from_elsewhere_says_why_there_is_no_camera(browser: Browser, url: str) -> None:
    with opened(browser, f"{url}#live", script=FROM_ELSEWHERE) as page:
        page.get_by_text("over HTTPS").wait_for()


@pytest.mark.parametrize(
    ("tab", "remains"), [("", "Keypoints, joints and plots"), ("#live", "The picture, latencies")]
)
def test_it_says_that_a_browser_has_no_3d(
    browser: Browser, url: str, tab: str, remains: str
) -> None:
    with opened(browser, url + tab, script=WITHOUT_3D, harmless=["WebGL"]) as page:
        expect(page.locator(".no-scene")).to_contain_text(remains)


def test_people_of_a_file_are_replayed(browser: Browser, url: str) -> None:
    with opened(browser, f"{url}#live", viewport=SMALL) as page:
        page.get_by_label("Keypoints", exact=True).check(force=True)
        click(page, "Five people")
        page.get_by_role("button", name="Five people", pressed=True).wait_for()
        click(page, "Start")
        shown(page, 5)
        page.get_by_text("Person 5", exact=True).wait_for()
        click(page, "Record")
        page.get_by_role("button", name="Recording, ").wait_for()
        page.get_by_label("Begin again at the end").uncheck()
        expect(page.locator(".live-state")).to_have_text("Stopped", timeout=TIMEOUT_MS)
        click(page, "Open as a clip")
        expect(page.locator(".people li")).to_have_count(5, timeout=TIMEOUT_MS)


@pytest.mark.timeout(300)
def test_it_goes_on_when_the_server_comes_back(browser: Browser, tmp_path: Path) -> None:
    server = next(iter(binaries().values()))
    settings = {"LIVE_MODEL": "causal243", "API_KEYS": KEY}
    with (
        store_server(server, tmp_path) as store,
        restarted_service(MODELS, store, **settings) as service,
    ):
        service.start()
        address = f"{service.url}/#live"
        with opened(browser, address, harmless=AWAY, viewport=SMALL) as page:
            page.get_by_label("Keypoints", exact=True).check(force=True)
            page.get_by_role("button", name="Jumping jacks", pressed=True).wait_for()
            click(page, "Start")
            page.get_by_label("Key", exact=True).fill(KEY)
            click(page, "Use key")
            page.get_by_text("Live: Jumping jacks").wait_for()
            click(page, "Record")
            sent(page, 10)
            service.stop()
            page.get_by_text("connecting again").wait_for()
            service.start()
            page.get_by_text("Connected again").wait_for()
            assert "No frame was lost." in page.get_by_role("log").inner_text()
            sent(page, 80)  # more than the client keeps
            page.get_by_role("button", name="Recording, ").click()
            exported(page, "JSON").save_as(tmp_path / "recorded.json")
            store.stop()
            page.get_by_text("not durable", exact=True).wait_for()
            service.stop()
            store.start()
            service.start()
            page.get_by_text("a new one begins").wait_for()
            page.get_by_text("Live: Jumping jacks").wait_for()
            sent(page, 100)
    frames = json.loads((tmp_path / "recorded.json").read_text())["frames"]
    answered = [frame["poses"] and frame["poses"]["index"] for frame in frames]
    assert len(answered) > 60
    last = max(index for index in answered if index is not None)
    assert answered[: last + 1 - answered[0]] == list(range(answered[0], last + 1))
