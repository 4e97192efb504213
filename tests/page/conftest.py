"""The page in a real browser, served by the service with the models that ship."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.serving import service_process

ROOT = Path(__file__).parents[2]
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
TIMEOUT_MS = 60_000
# WebGL without a graphics card.
_FLAGS = ["--no-sandbox", "--enable-unsafe-swiftshader"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on the PATH")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=_FLAGS)
        yield started
        started.close()


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with service_process(ROOT / "poselift" / "models") as service:
        yield f"{service.url}/"


class Watched:
    """A page with what its console complained of and which hosts it asked."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.complaints: list[str] = []
        self.requests: list[str] = []
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self.requests.append(request.url))

    def _hear(self, message: Any) -> None:
        # Chromium says of its software WebGL that it is slow to read back.
        if message.type in {"error", "warning"} and "GPU stall" not in message.text:
            self.complaints.append(message.text)


@contextmanager
def opened(browser: Browser, url: str, **options: Any) -> Iterator[Watched]:
    """The page at an address; nothing may have gone wrong and left the machine at the end."""
    context = browser.new_context(**({"viewport": {"width": 1000, "height": 700}} | options))
    context.set_default_timeout(TIMEOUT_MS)
    watched = Watched(context.new_page())
    watched.page.goto(url)
    yield watched
    context.close()
    assert watched.complaints == []
    assert [each for each in watched.requests if not each.startswith((url, "blob:", "data:"))] == []
