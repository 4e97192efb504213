"""The page's clip tab in a real browser."""

import json
import re
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.page.conftest import ROOT, opened
from tests.poselift.readers.examples import EXAMPLES
from tests.poselift.video.made_videos import made_video, pictures

CLIPS = ROOT / "web" / "src" / "clips"
FRAME = "() => Number(document.querySelector('.scrubber input').value)"

CALLS_AT_REST = """async () => {
  const { dataset } = document.querySelector("canvas.scene");
  for (let before = ""; before !== dataset.drawn; ) {
    before = dataset.drawn;
    await new Promise((rested) => setTimeout(rested, 500));
  }
  return Number(dataset.drawCalls);
}"""


def drawn(page: Page, more_than: int = 0) -> int:
    """How many pictures the 3D view has drawn, once they are more than that."""
    count = "() => Number(document.querySelector('canvas.scene')?.dataset.drawn ?? 0)"
    page.wait_for_function(f"least => ({count})() > least", arg=more_than)
    return int(page.evaluate(count))


def ready(page: Page, title: str) -> None:
    """Wait until a clip is open."""
    expect(page.locator(".head .title")).to_have_text(title)
    drawn(page)


def upload(page: Page, name: str, content: Any) -> None:
    """Open a file as the button does."""
    body = json.dumps(content).encode()
    file = {"name": name, "mimeType": "application/json", "buffer": body}
    page.locator("input[type=file]").set_input_files([file])


def people(count: int, **options: Any) -> dict[str, Any]:
    """Some of the five people, as a lift request."""
    request = json.loads((CLIPS / "five_people.json").read_text())
    return request | {"clips": request["clips"][:count]} | options


def test_it_opens_on_a_clip_that_plays(browser: Browser, url: str) -> None:
    with opened(browser, url) as page:
        ready(page, "Jumping jacks")
        expect(page.get_by_role("button", name="Pause")).to_be_visible()
        before = page.evaluate(FRAME)
        page.wait_for_function(f"before => ({FRAME})() !== before", arg=before)
        drawn(page, more_than=drawn(page))
        expect(page.get_by_role("heading", name="Left and right were swapped back")).to_be_visible()


def test_it_does_not_move_where_stillness_is_preferred(browser: Browser, url: str) -> None:
    with opened(browser, url, reduced_motion="reduce") as page:
        ready(page, "Jumping jacks")
        expect(page.get_by_role("button", name="Play")).to_be_visible()
        assert page.evaluate(FRAME) == 0


def test_frames_are_reached_by_keys_and_by_the_timeline(browser: Browser, url: str) -> None:
    with opened(browser, url, reduced_motion="reduce") as page:
        ready(page, "Jumping jacks")
        frame = page.locator(".scrubber input")
        for key, expected in (("End", 141), ("ArrowLeft", 140), ("PageUp", 130), ("Home", 0)):
            page.keyboard.press(key)
            expect(frame).to_have_value(str(expected))
        frame.fill("60")
        expect(page.get_by_text("frame 60 of 141")).to_be_visible()
        page.get_by_role("button", name="frame 60 to 113").click()
        page.keyboard.press("l")
        expect(page.get_by_role("button", name="Loop")).to_have_attribute("aria-pressed", "false")
        page.keyboard.press("]")
        expect(page.get_by_label("Speed")).to_have_value("2")
        page.get_by_role("button", name="Play").click()
        page.wait_for_function(f"() => ({FRAME})() === 141")
        expect(page.get_by_role("button", name="Play")).to_be_visible()


def test_five_people_are_drawn_together_and_can_be_hidden(browser: Browser, url: str) -> None:
    """Bodies, shadows, trajectories and errors take a draw call each, for all people together."""
    with opened(browser, url, reduced_motion="reduce") as page:
        ready(page, "Jumping jacks")
        page.get_by_role("button", name="Five people").click()
        ready(page, "Five people")
        expect(page.locator(".labels span")).to_have_count(5)
        page.get_by_role("button", name="Show expected errors").click()
        together = page.evaluate(CALLS_AT_REST)
        page.get_by_role("checkbox", name="Person 2").uncheck()
        expect(page.locator(".labels span")).to_have_count(4)
        for key in "1345":
            page.keyboard.press(key)
        expect(page.locator(".labels span")).to_have_count(0)
        assert together - page.evaluate(CALLS_AT_REST) == 4


def test_joints_are_told_and_measured(browser: Browser, url: str) -> None:
    answer = json.loads((CLIPS / "walking_answer.json").read_text())
    joints = answer["skeleton"]["joints"]
    left, right = (joints.index(f"{side}_foot") for side in ("left", "right"))
    pose = np.array(answer["clips"][0]["poses"][0])
    apart_cm = 100 * np.linalg.norm(pose[left] - pose[right])
    expected_mm = 1000 * answer["clips"][0]["expected_errors"][0][left]
    with opened(browser, url, reduced_motion="reduce") as page:
        ready(page, "Jumping jacks")
        page.get_by_role("button", name="left foot").click()
        tip = page.locator(".tip")
        expect(tip).to_contain_text("measured")
        said = re.search(r"± (\d+) mm", tip.inner_text())
        assert said
        assert abs(int(said[1]) - expected_mm) <= 5
        page.keyboard.press("r")
        page.locator(".ruler-ends").get_by_label("From").select_option(f"0 {left}")
        page.locator(".ruler-ends").get_by_label("To").select_option(f"0 {right}")
        measured = float(page.locator(".reading").inner_text().split()[0])
        assert abs(measured - apart_cm) <= 1
        page.get_by_label("over time").check()
        expect(page.get_by_role("img", name="Distance of two joints")).to_be_visible()


def test_a_joint_is_found_by_the_pointer(browser: Browser, url: str) -> None:
    with opened(browser, url, reduced_motion="reduce") as page:
        ready(page, "Jumping jacks")
        page.get_by_role("button", name="right wrist").click()
        transform = page.locator(".tip").evaluate("tip => tip.style.transform")
        x, y = map(int, re.findall(r"(\d+)px", transform))
        page.get_by_role("button", name="right wrist").click()
        expect(page.locator(".tip")).to_be_hidden()
        page.locator("canvas.scene").hover(position={"x": x, "y": y})
        expect(page.locator(".tip")).to_contain_text("right wrist")
        page.locator("canvas.scene").click(position={"x": x, "y": y})
        expect(page.locator(".joints .selected")).to_contain_text("right wrist")


def test_what_a_file_does_not_say_is_asked(browser: Browser, url: str) -> None:
    rows = [
        {"image_id": frame, "category_id": 1, "score": 0.9, "keypoints": np.ravel(joints).tolist()}
        for frame, joints in enumerate(people(1)["clips"][0]["keypoints"])
    ]
    with opened(browser, url, reduced_motion="reduce") as page:
        ready(page, "Jumping jacks")
        upload(page, "results.json", rows)
        dialog = page.get_by_role("dialog", name="About results.json")
        expect(dialog.get_by_label("Width")).not_to_have_value("")
        dialog.get_by_label("Width").fill("4168")
        dialog.get_by_label("Height").fill("994")
        preview = dialog.get_by_role("img", name="Keypoints in an image of 4168 × 994")
        expect(preview).to_be_visible()
        dialog.get_by_role("button", name="Lift").click()
        ready(page, "results.json")
        expect(page.locator(".facts")).to_contain_text("4168 × 994")
        expect(page.locator(".facts")).to_contain_text("100 at 30 fps")


def test_files_of_every_reader_are_opened(browser: Browser, url: str) -> None:
    """One of each; folders are for the command, and FreeMoCap's example is of no body."""
    by_reader = {each.reader: each for each in EXAMPLES.values() if not each.is_folder}
    del by_reader["freemocap"]
    with opened(browser, url, reduced_motion="reduce") as page:
        ready(page, "Jumping jacks")
        for example in by_reader.values():
            name, content = next(iter(example.files.items()))
            body = content if isinstance(content, bytes) else content.encode()
            file = {"name": name, "mimeType": "application/octet-stream", "buffer": body}
            page.locator("input[type=file]").set_input_files([file])
            lift = page.get_by_role("button", name="Lift")
            expect(lift.or_(page.locator(".title", has_text=name)).first).to_be_visible()
            if lift.is_visible():
                lift.click()
            expect(page.locator(".head .title")).to_have_text(name)
            expect(page.get_by_role("alert")).to_be_empty()


def test_a_folder_is_opened_as_one_clip(browser: Browser, url: str) -> None:
    example = EXAMPLES["openpose two people"]
    files = [
        {"name": name, "mimeType": "application/json", "buffer": str(content).encode()}
        for name, content in example.files.items()
    ]
    with opened(browser, url, reduced_motion="reduce") as page:
        ready(page, "Jumping jacks")
        page.locator("input[type=file]").set_input_files(files)
        page.get_by_role("button", name="Lift").click()
        ready(page, f"{len(files)} files")
        expect(page.locator(".people li")).to_have_count(2)


def test_people_are_found_in_a_video(browser: Browser, url: str, tmp_path: Path) -> None:
    video = made_video(tmp_path / "two.mp4", pictures(20, people=2))
    with opened(browser, url, reduced_motion="reduce") as page:
        ready(page, "Jumping jacks")
        page.locator("input[type=file]").set_input_files(video)
        ready(page, "two.mp4")
        expect(page.locator(".people li")).to_have_count(2)
        expect(page.locator("video")).to_have_count(1)
        with page.expect_request(lambda request: "people=3" in request.url):
            page.get_by_label("People to look for").select_option("3")
        expect(page.locator(".busy")).to_have_class(re.compile("hidden-label"))
        expect(page.get_by_label("People to look for")).to_have_value("3")


def test_warnings_are_told_in_plain_words(browser: Browser, url: str) -> None:
    with opened(browser, url, reduced_motion="reduce") as page:
        ready(page, "Jumping jacks")
        upload(page, "narrow.json", people(5, image_size=[1080, 1920]))
        ready(page, "narrow.json")
        warning = page.locator(".warning.outside_image")
        expect(warning).to_contain_text("Joints lie outside the image")
        expect(warning).to_contain_text("What to do.")
        expect(warning).to_contain_text("check image_size")
        page.get_by_role("button", name="Image size, frame rate or format").click()
        dialog = page.get_by_role("dialog", name="About narrow.json")
        dialog.get_by_role("button", name="upright").click()
        dialog.get_by_role("button", name="Lift").click()
        expect(page.locator(".facts")).to_contain_text("1920 × 1080")
        expect(warning).to_have_count(0)


def test_coordinates_from_0_to_1_are_taken_as_such(browser: Browser, url: str) -> None:
    request = people(1)
    frames = np.array(request["clips"][0]["keypoints"])
    frames[..., :2] /= request["image_size"]
    request["clips"][0]["keypoints"] = frames.tolist()
    with opened(browser, url, reduced_motion="reduce", refused=[422]) as page:
        ready(page, "Jumping jacks")
        upload(page, "parts.json", request)
        page.get_by_role("button", name="Take them as from 0 to 1").click()
        ready(page, "parts.json")
        expect(page.get_by_role("alert")).to_be_empty()


def test_frames_without_anybody_lead_to_the_next_person(browser: Browser, url: str) -> None:
    request = people(2)
    request["clips"][1]["first_frame"] = 200
    with opened(browser, url, reduced_motion="reduce") as page:
        ready(page, "Jumping jacks")
        upload(page, "later.json", request)
        ready(page, "later.json")
        page.locator(".scrubber input").fill("150")
        page.get_by_role("button", name="Go to frame 200").click()
        expect(page.locator(".scrubber input")).to_have_value("200")
        expect(page.get_by_text("No people in this frame")).to_have_count(0)


def test_refusals_are_told_in_the_servers_words(browser: Browser, url: str) -> None:
    with opened(browser, url, reduced_motion="reduce", refused=[422]) as page:
        ready(page, "Jumping jacks")
        frames = people(1)["clips"][0]["keypoints"]
        upload(page, "what.json", {"image_size": [4168, 994], "keypoints": frames})
        expect(page.get_by_role("alert")).to_contain_text("clips: expected a list of clips")
        expect(page.locator(".head .title")).to_have_text("Jumping jacks")
        page.get_by_role("button", name="Dismiss").click()
        expect(page.get_by_role("alert")).to_be_empty()


def test_a_dropped_file_is_opened(browser: Browser, url: str) -> None:
    drop = """text => {
      const data = new DataTransfer();
      data.items.add(new File([text], "dropped.json", { type: "application/json" }));
      document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true }));
    }"""
    with opened(browser, url, reduced_motion="reduce") as page:
        ready(page, "Jumping jacks")
        page.evaluate(drop, json.dumps(people(2)))
        ready(page, "dropped.json")
        expect(page.locator(".people li")).to_have_count(2)


def test_a_video_plays_under_its_keypoints(browser: Browser, url: str, tmp_path: Path) -> None:
    imageio = pytest.importorskip("imageio.v3")
    video = tmp_path / "walk.mp4"
    imageio.imwrite(video, np.zeros((150, 48, 80, 3), np.uint8), fps=30, macro_block_size=None)
    keypoints = ROOT / "examples" / "walking_mediapipe.json"
    seconds = "() => document.querySelector('video').currentTime"
    with opened(browser, url, reduced_motion="reduce") as page:
        ready(page, "Jumping jacks")
        page.locator("input[type=file]").set_input_files([keypoints, video])
        ready(page, "walking_mediapipe.json")
        page.locator(".scrubber input").fill("60")
        page.wait_for_function(f"() => Math.abs(({seconds})() - 2) < 0.03")


def test_a_key_is_asked_for_and_kept_in_the_tab(browser: Browser, locked_url: str) -> None:
    with opened(browser, locked_url, reduced_motion="reduce", refused=[401, 403]) as page:
        ready(page, "Jumping jacks")  # lifted beforehand: no page is empty
        expect(page.get_by_text("This server asks for an API key")).to_be_visible()
        page.get_by_role("button", name="Five people").click()
        key = page.locator("input[type=password]")
        for given in ("wrong", "right"):
            key.fill(given)
            page.get_by_role("button", name="Use key").click()
            if given == "wrong":
                expect(page.get_by_text("did not accept that key")).to_be_visible()
        ready(page, "Five people")
        assert page.evaluate("() => [Object.values(sessionStorage), localStorage.length]") == [
            ["right"],
            0,
        ]


def test_themes_and_the_help_sheet(browser: Browser, url: str) -> None:
    with opened(browser, url, color_scheme="dark", viewport={"width": 390, "height": 844}) as page:
        drawn(page)
        theme = "() => getComputedStyle(document.body).colorScheme"
        assert page.evaluate(theme) == "dark"
        page.get_by_role("button", name="Light theme").click()
        page.reload()
        drawn(page)
        assert page.evaluate(theme) == "light"
        page.keyboard.press("?")
        expect(page.get_by_role("dialog", name="Help")).to_contain_text("Play or pause")
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
        assert page.evaluate("() => document.documentElement.scrollWidth") <= 390


def test_the_bundled_answer_is_what_the_model_gives(url: str) -> None:
    """Else: python web/prepare.py, with a running service, and make page."""
    request = json.loads((CLIPS / "walking.json").read_text()) | {"axes": "y_up"}
    bundled = json.loads((CLIPS / "walking_answer.json").read_text())
    now = httpx.post(f"{url}v1/lift", json=request, timeout=60).json()
    assert bundled["model"] == now["model"]
    difference = np.subtract(bundled["clips"][0]["poses"], now["clips"][0]["poses"])
    assert np.abs(difference).max() < 0.005
