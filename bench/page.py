"""The page in Chromium without a graphics card: first paint, pictures a second, draw calls.

Five people play at twice their speed, so that every picture of the screen is a new one; the
baseline are the pictures of the same page while nothing moves.

    python -m bench.page [--width 1440] [--height 900] [--seconds 10]
"""

import argparse
import shutil
import statistics
from collections.abc import Sequence
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from bench.figures import Figure, Figures, Missing
from tests.serving import service_process

_MODELS = Path(__file__).parents[1] / "poselift" / "models"
_FLAGS = ["--no-sandbox", "--enable-unsafe-swiftshader"]
_TIMEOUT_MS = 120_000
_PAINT = "() => performance.getEntriesByName('first-contentful-paint')[0].startTime"
_DRAWN = "() => Number(document.querySelector('canvas.scene')?.dataset.drawn ?? 0)"
_CALLS = "() => Number(document.querySelector('canvas.scene').dataset.drawCalls)"
_INTERVALS = """seconds => new Promise(resolve => {
  const times = [];
  const tick = now => {
    times.push(now);
    if (now - times[0] < 1000 * seconds) requestAnimationFrame(tick);
    else resolve(times.slice(1).map((time, index) => time - times[index]));
  };
  requestAnimationFrame(tick);
})"""


def main(arguments: Sequence[str] | None = None) -> Figures:
    """Print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--width", type=int, default=1440)
    parser.add_argument("--height", type=int, default=900)
    parser.add_argument("--seconds", type=float, default=10)
    options = parser.parse_args(arguments)
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    what = "the page: pictures a second with five people, twice their speed"
    if chromium is None:
        return [Missing(what, "there is no Chromium here")]
    with service_process(_MODELS) as service, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=_FLAGS)
        page = browser.new_page(viewport={"width": options.width, "height": options.height})
        page.set_default_timeout(_TIMEOUT_MS)
        page.goto(service.url)
        page.wait_for_function(f"() => ({_DRAWN})() > 0")
        print(f"first contentful paint after {page.evaluate(_PAINT):.0f} ms")
        _open_five_people(page)
        still = _median_ms(page, options.seconds)
        page.get_by_label("Speed").select_option("2")
        page.get_by_role("button", name="Play").click()
        before = page.evaluate(_DRAWN)
        moving = _median_ms(page, options.seconds)
        drawn = (page.evaluate(_DRAWN) - before) / options.seconds
        print(
            f"five people: {1000 / moving:.0f} pictures a second (median), {drawn:.0f} drawn on"
            f" average; {1000 / still:.0f} while nothing moves; {page.evaluate(_CALLS)} draw calls"
        )
        browser.close()
    return [Figure(what, 1000 / moving, "pictures/s", "while nothing moves", 1000 / still)]


def _open_five_people(page: Page) -> None:
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("button", name="Five people").click()
    page.wait_for_function("() => document.querySelectorAll('.people li').length === 5")


def _median_ms(page: Page, seconds: float) -> float:
    intervals: list[float] = page.evaluate(_INTERVALS, seconds)
    return statistics.median(intervals)


if __name__ == "__main__":
    main()
