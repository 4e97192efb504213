"""The page in a real browser, served by the service with the models that ship."""

import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from tests.poselift.video.made_videos import colours
from tests.serving import service_process

ROOT = Path(__file__).parents[2]
MODELS = ROOT / "poselift" / "models"
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
TIMEOUT_MS = 60_000
# WebGL without a graphics card; all else of a page is drawn as ever.
_FLAGS = ["--no-sandbox", "--enable-unsafe-swiftshader"]


@contextmanager
def launched(*flags: str) -> Iterator[Browser]:
    """A browser with flags of its own."""
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on the PATH")
    expect.set_options(timeout=TIMEOUT_MS)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=[*_FLAGS, *flags])
        yield started
        started.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as started:
        yield started


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    detectors = str(colours(tmp_path_factory.mktemp("detectors")))
    with service_process(MODELS, DETECTORS_DIR=detectors) as service:
        yield f"{service.url}/"


@pytest.fixture(scope="module")
def locked_url() -> Iterator[str]:
    with service_process(MODELS, API_KEYS="right") as service:
        yield f"{service.url}/"


@contextmanager
def opened(
    browser: Browser,
    url: str,
    *,
    refused: Sequence[int] = (),
    harmless: Sequence[str] = (),
    script: str = "",
    **options: Any,
) -> Iterator[Page]:
    """The page at an address; at the end nothing may have gone wrong, nor left the machine.

    Of requests that the server answers with a status that is ``refused`` the console may tell, and
    of what is ``harmless``. ``script`` runs before the page's own.
    """
    context = browser.new_context(**({"viewport": {"width": 1000, "height": 700}} | options))
    context.set_default_timeout(TIMEOUT_MS)
    context.add_init_script(script)
    page = context.new_page()
    complaints: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: complaints.extend(_complaint(message, refused, harmless)))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.on("websocket", lambda socket: asked.append(re.sub("^ws", "http", socket.url)))
    page.goto(url)
    yield page
    context.close()
    assert complaints == []
    known = (url.split("#", maxsplit=1)[0], "blob:", "data:")
    assert [each for each in asked if not each.startswith(known)] == []


def _complaint(
    message: ConsoleMessage, refused: Sequence[int], harmless: Sequence[str]
) -> list[str]:
    statuses = (f"the server responded with a status of {code}" for code in refused)
    # Chromium says of its software WebGL that it is slow to read back.
    known = ("GPU stall", *statuses, *harmless)
    if message.type not in {"error", "warning"} or any(map(message.text.count, known)):
        return []
    return [message.text]
