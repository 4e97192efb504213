"""Videos over HTTP: lines come back while a detector works, and in the end a lift request."""

import gzip
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from tests.contract.transports import http_problem
from tests.poselift.video.made_videos import (
    FPS,
    HEIGHT,
    WIDTH,
    ffmpeg,
    made_video,
    person,
    pictures,
)
from tests.serving import ServiceProcess

FRAMES = 12


@pytest.fixture(scope="module")
def client(service: ServiceProcess) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=service.url, timeout=120) as client:
        yield client


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = made_video(tmp_path_factory.mktemp("videos") / "two.mp4", pictures(FRAMES, people=2))
    return path.read_bytes()


def detect(client: httpx.Client, content: bytes, **query: object) -> httpx.Response:
    return client.post("/v1/detect", content=content, params={"detector": "colours", **query})


def lines(answer: httpx.Response) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/x-ndjson"
    return [json.loads(line) for line in answer.text.splitlines()]


def test_detectors_are_listed(client: httpx.Client) -> None:
    listed = client.get("/v1/detectors").json()["detectors"]
    assert {"name": "colours", "installed": True, "keypoint_format": "coco17"} in listed
    assert {"name": "mediapipe", "installed": False, "keypoint_format": "mediapipe33"} in listed


def test_a_video_comes_back_as_a_lift_request(client: httpx.Client, video: bytes) -> None:
    *progress, last = lines(detect(client, video))
    assert progress[0] == {"progress": {"frame": 1, "frames": FRAMES}}
    assert last.keys() == {"request", "warnings"}
    assert last["warnings"] == []
    request = last["request"]
    assert request["image_size"] == [WIDTH, HEIGHT]
    assert request["fps"] == FPS
    found = np.array(request["clips"][1]["keypoints"])
    np.testing.assert_allclose(found[5, :, :2], person(5, 1), atol=2)
    answer = client.post("/v1/lift", json=request)
    assert answer.status_code == 200, answer.text
    assert [len(clip["poses"]) for clip in answer.json()["clips"]] == [FRAMES] * 2


def test_options_are_those_of_the_library(client: httpx.Client, tmp_path: Path) -> None:
    brief = made_video(tmp_path / "brief.mp4", [*pictures(2, people=2), *pictures(FRAMES)[2:]])
    last = lines(detect(client, brief.read_bytes()))[-1]
    assert last["warnings"] == ["1 people detected in fewer than 3 frames are left out"]
    last = lines(detect(client, brief.read_bytes(), min_frames=1))[-1]
    assert len(last["request"]["clips"]) == 2


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "video: expected a video, found an empty file"),
        (b"no video" * 100, "video: expected a video in one file"),
        (b"#EXTM3U\n#EXTINF:2,\n/etc/hosts\n", "video: expected a video in one file"),
    ],
)
def test_what_is_no_video_is_told_in_the_last_line(
    client: httpx.Client, content: bytes, said: str
) -> None:
    (last,) = lines(detect(client, content))
    assert last["error"]["type"].endswith(":invalid")
    assert last["error"]["status"] == 422
    assert said in last["error"]["detail"]


def test_a_video_that_is_too_long_is_refused(client: httpx.Client, tmp_path: Path) -> None:
    ffmpeg("-f", "lavfi", "-i", "color=size=64x48:duration=6", tmp_path / "long.mp4")
    (last,) = lines(detect(client, (tmp_path / "long.mp4").read_bytes()))
    assert "a video of 5 s at most, found 6" in last["error"]["detail"]


def test_a_detector_that_fails_is_told(client: httpx.Client, video: bytes) -> None:
    (last,) = lines(detect(client, video, detector="broken"))
    assert last["error"]["status"] == 503
    assert "exit status 1; it said: no weights" in last["error"]["detail"]


@pytest.mark.parametrize(
    ("query", "where"),
    [
        ({"detector": "mediapipe"}, "detector"),
        ({"detector": "../evil"}, "detector"),
        ({"people": 0}, "people"),
        ({"min_frames": "many"}, "min_frames"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_wrong_options(
    client: httpx.Client, video: bytes, query: dict[str, object], where: str
) -> None:
    outcome = http_problem(detect(client, video, **query))
    assert outcome.slug == "invalid"
    assert outcome.places == [where]


def test_large_and_compressed_bodies_are_refused(client: httpx.Client, video: bytes) -> None:
    assert http_problem(detect(client, bytes(4_000_001))).slug == "too-large"
    chunks = (bytes(1_000_000) for _ in range(5))
    answer = client.post("/v1/detect", content=chunks, params={"detector": "colours"})
    assert http_problem(answer).slug == "too-large"
    headers = {"content-encoding": "gzip"}
    answer = client.post("/v1/detect", content=gzip.compress(video), headers=headers)
    assert http_problem(answer).slug == "unsupported-media-type"


def test_one_at_a_time_and_ended_when_the_caller_leaves(
    client: httpx.Client, service: ServiceProcess, video: bytes, detectors: Path
) -> None:
    mark = detectors / "endless.pid"
    with client.stream("POST", "/v1/detect", content=video, params={"detector": "endless"}) as slow:
        told = slow.iter_lines()
        assert json.loads(next(told)) == {"progress": {"frame": 1, "frames": FRAMES}}
        busy = detect(client, video)
        assert http_problem(busy).slug == "overloaded"
        assert busy.headers["retry-after"] == "10"
    wait_until(lambda: not is_running(int(mark.read_text())))
    wait_until(lambda: detect(client, video).status_code == 200)
    metrics = client.get("/metrics").text
    assert 'operation="detect",outcome="cancelled"' in metrics
    assert 'poselift_overloaded_requests_total{reason="videos"} ' in metrics


def test_a_detector_inherits_no_secrets(client: httpx.Client, video: bytes) -> None:
    (last,) = lines(detect(client, video, detector="environment"))
    inherited = json.loads(last["error"]["detail"].rpartition("it said: ")[2])
    assert "PATH" in inherited
    assert not [name for name in inherited if name == "SOME_TOKEN" or name.startswith("POSELIFT_")]


def is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def wait_until(is_so: Any, timeout_s: float = 60) -> None:
    deadline = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)
