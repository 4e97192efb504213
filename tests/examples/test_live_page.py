"""The page in examples/ in a real browser: poses come in while the frames go out."""

import shutil
from pathlib import Path

import pytest
from playwright.async_api import async_playwright

from tests.serving import service_process

ROOT = Path(__file__).parents[2]
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on the PATH")
async def test_the_page_follows_a_keypoint_file():
    with service_process(ROOT / "poselift" / "models", ALLOWED_ORIGINS="null") as service:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(
                executable_path=CHROMIUM, args=["--no-sandbox"]
            )
            page = await browser.new_page()
            errors: list[str] = []
            page.on("pageerror", lambda error: errors.append(str(error)))
            address = f"ws://127.0.0.1:{service.http_port}/v1/stream"
            await page.goto(f"{(ROOT / 'examples' / 'live.html').as_uri()}?url={address}")
            blank = await page.evaluate("canvas.toDataURL()")
            await page.set_input_files("#file", ROOT / "examples" / "walking_mediapipe.json")
            await page.wait_for_function("/^frame 20, 1 people/.test(status.value)", timeout=20_000)
            drawn = await page.evaluate("canvas.toDataURL()")
            await page.wait_for_function("/closed: 1000/.test(status.value)", timeout=20_000)
            said = await page.evaluate("status.value")
            await browser.close()
    assert errors == []
    assert drawn != blank
    assert said.startswith("frame 149, 1 people")
