"""Exports, options, comparing, joint angles and links, in a real browser."""

import io
import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
from playwright.sync_api import Browser, Page

from poselift.writers.formats import WRITERS
from poselift.writers.rigs import RIGS
from tests.page.conftest import opened
from tests.poselift.writers.bvh_reader import read_bvh

_BEGINNINGS = {
    ".bvh": b"HIERARCHY",
    ".glb": b"glTF",
    ".trc": b"PathFileType",
    ".mot": b"",
    ".csv": b"",
    ".parquet": b"PAR1",
    ".npz": b"PK",
    ".videopose3d.npz": b"PK",
}
_LEFT_WRIST = 13
_LABELS = {".videopose3d.npz": "VideoPose3D"}


def _panel(page: Page, title: str) -> None:
    """Unfold a panel."""
    page.locator("details.panel:not([open]) summary", has_text=title).click()


def _ready(page: Page) -> None:
    page.locator("canvas.scene[data-drawn]").wait_for()
    page.locator(".head .title", has_text="Jumping jacks").wait_for()


def _label(ending: str) -> str:
    return _LABELS.get(ending, ending[1:].upper())


def _saved(page: Page, click: Callable[[], None], name: str) -> bytes:
    with page.expect_download() as saving:
        click()
    assert saving.value.suggested_filename == name
    return Path(saving.value.path()).read_bytes()


def test_every_output_format_is_exported(browser: Browser, url: str, tmp_path: Path) -> None:
    """The page has the formats and rigs that the library has, and saves what the service writes."""
    offered = {ending for ending, output in WRITERS.items() if output.media_type is not None}
    assert set(_BEGINNINGS) == offered
    with opened(browser, url) as page:
        _ready(page)
        rigs = page.get_by_label("Skeleton in BVH and GLB")
        assert set(rigs.locator("option").evaluate_all("all => all.map(o => o.value)")) == set(RIGS)
        rigs.select_option("mixamo")
        files = {
            ending: _saved(
                page,
                page.get_by_role("button", name=_label(ending), exact=True).click,
                f"Jumping_jacks{ending}",
            )
            for ending in _BEGINNINGS
        }
        page.get_by_label("Axes in").select_option("z_up")
        assert "axes=z_up" in page.url
        json_button = page.get_by_role("button", name="JSON", exact=True)
        answer = json.loads(_saved(page, json_button.click, "Jumping_jacks.json"))
    assert all(files[ending].startswith(begin) for ending, begin in _BEGINNINGS.items())
    assert b"mixamorig:Hips" in files[".bvh"]
    with np.load(io.BytesIO(files[".npz"])) as arrays:
        assert arrays["poses"].shape == (142, 17, 3)
        hand_m = arrays["poses"][:, _LEFT_WRIST] * (1, -1, -1)  # y up
    (tmp_path / "clip.bvh").write_bytes(files[".bvh"])
    places_cm = read_bvh(tmp_path / "clip.bvh").positions()
    hand_cm = places_cm["mixamorig:LeftHand"] - places_cm["mixamorig:Hips"]
    assert np.abs(100 * hand_m - hand_cm).mean() < 3  # its bones have constant lengths
    assert answer["axes"] == "z_up"
    upwards = np.subtract(*(answer["clips"][0]["poses"][0][joint] for joint in (10, 0)))
    assert upwards[2] > 0.5


def test_options_lift_again_and_are_compared(browser: Browser, url: str) -> None:
    with opened(browser, url, refused=[422]) as page:
        _ready(page)
        _panel(page, "Compare")
        page.get_by_role("button", name="Keep these poses").click()
        _panel(page, "Options")
        page.get_by_label("Model").select_option("causal243")
        reading = page.locator("output.reading")
        page.wait_for_function(
            "() => parseFloat(document.querySelector('output.reading').textContent) > 1"
        )
        assert re.fullmatch(r"\d+\.\d mm", reading.inner_text())
        assert page.get_by_role("img", name="Mean difference of joints").is_visible()
        height = page.get_by_label("Height (m)")
        height.fill("9")
        height.press("Enter")
        page.locator(".field-error", has_text="expected").wait_for()
        height.fill("1.9")
        height.press("Enter")
        page.locator(".field-error").wait_for(state="detached")
        page.get_by_role("button", name="Stop comparing").click()
        reading.wait_for(state="detached")


def test_joint_angles_are_plotted_on_the_timeline(browser: Browser, url: str) -> None:
    with opened(browser, url) as page:
        _ready(page)
        page.get_by_role("button", name="Pause").click()
        _panel(page, "Joint angles")
        plot = page.get_by_role("img", name="Knees: flexion")
        plot.wait_for()
        before = page.locator(".clock").inner_text()
        box = plot.locator(".u-over").bounding_box()
        assert box is not None
        plot.locator(".u-over").click(position={"x": box["width"] * 0.9, "y": box["height"] / 2})
        page.wait_for_function(
            "before => document.querySelector('.clock').innerText !== before", arg=before
        )
        page.get_by_label("Angle").select_option("elbow_flex")
        page.get_by_role("img", name="Elbows: flexion").wait_for()


def test_a_link_opens_what_is_kept_in_the_browser(browser: Browser, url: str) -> None:
    with opened(browser, url) as page:
        _ready(page)
        _panel(page, "Options")
        page.get_by_label("Smoothing (s)").fill("0.3")
        page.get_by_label("Smoothing (s)").press("Enter")
        page.wait_for_function("() => location.hash.includes('smoothing_s=0.3')")
        link = page.url
        page.goto("about:blank")
        page.goto(link)
        page.locator(".aside", has_text="1 changed").wait_for()
        assert page.url == link
        page.get_by_role("button", name="Five people").click()
        page.wait_for_function("before => location.href !== before", arg=link)
        page.evaluate("link => void (location.href = link)", link)
        _ready(page)
        page.locator(".aside", has_text="1 changed").wait_for()
    with opened(browser, url) as page:
        _ready(page)
        page.goto("about:blank")
        page.goto(re.sub("[0-9a-f]{64}", "0" * 64, link))
        page.get_by_text("not in this browser").wait_for()
