"""The page's clip tab in a real browser."""

from playwright.sync_api import Browser

from tests.page.conftest import opened

_DRAWN = "Number(document.querySelector('canvas.scene')?.dataset.drawn ?? 0)"


def test_it_opens_on_a_clip_that_plays(browser: Browser, url: str) -> None:
    with opened(browser, url) as watched:
        watched.page.get_by_role("button", name="Pause").wait_for()
        watched.page.wait_for_function(f"{_DRAWN} > 3")
        first = watched.page.get_by_label("Frame", exact=True).input_value()
        watched.page.wait_for_function(
            "before => document.querySelector('input[type=range]').value !== before", arg=first
        )
