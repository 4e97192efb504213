"""Files of detectors over HTTP: a lift request comes back, which is lifted as it stands."""

import gzip
import json
import pickle
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.contract.transports import http_problem
from tests.poselift.readers.example import HEIGHT, WIDTH, dumps
from tests.poselift.readers.examples import EXAMPLES
from tests.poselift.readers.test_archives import zipped
from tests.poselift.readers.tool_examples import coco_objects, lift_request, npz, walker
from tests.serving import ServiceProcess, service_process

FILES = [name for name, example in EXAMPLES.items() if not example.is_folder]
FOLDERS = [name for name, example in EXAMPLES.items() if example.is_folder]
TOLD = {"image_size": f"{WIDTH},{HEIGHT}", "fps": "30"}


@pytest.fixture(scope="module")
def client(service: ServiceProcess) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=service.url, timeout=120) as client:
        yield client


def convert(client: httpx.Client, content: str | bytes, **query: object) -> httpx.Response:
    return client.post("/v1/convert", content=content, params=query)


@pytest.mark.parametrize("name", FILES)
def test_every_file_comes_back_as_a_lift_request(client: httpx.Client, name: str) -> None:
    example = EXAMPLES[name]
    ((file, content),) = example.files.items()
    answer = convert(client, content, name=Path(file).name, **TOLD)
    assert answer.status_code == 200, answer.text
    assert answer.headers["poselift-reader"] == example.reader
    request = answer.json()
    assert request["image_size"] == [WIDTH, HEIGHT]
    assert request["keypoint_format"] == example.keypoint_format
    assert len(request["clips"]) == example.people


@pytest.mark.parametrize("name", FOLDERS)
def test_every_folder_comes_as_an_archive(client: httpx.Client, name: str) -> None:
    example = EXAMPLES[name]
    answer = convert(client, zipped(example.files), name="keypoints.zip", **TOLD)
    assert answer.status_code == 200, answer.text
    assert answer.headers["poselift-reader"] == example.reader
    assert len(answer.json()["clips"]) == example.people


def test_a_bomb_is_refused(client: httpx.Client) -> None:
    content = zipped({"0.json": bytes(50 * 2**20)})
    outcome = http_problem(convert(client, content, name="keypoints.zip"))
    assert outcome.slug == "invalid"
    assert "content packed to 1/100" in outcome.detail


def test_it_is_lifted_as_it_stands(client: httpx.Client) -> None:
    frames = [{"frame": 7 + n % 4, "keypoints": coco_objects(n % 4)} for n in range(4)]
    request = convert(client, dumps(frames), name="poses.json", **TOLD).json()
    answer = client.post("/v1/lift", json=request)
    assert answer.status_code == 200, answer.text
    (clip,) = answer.json()["clips"]
    assert clip["first_frame"] == 7
    assert len(clip["poses"]) == 4


def test_the_name_may_be_sent_as_a_header(client: httpx.Client) -> None:
    ((_, content),) = EXAMPLES["mediapipe table, wide"].files.items()
    headers = {
        "content-type": "text/csv",
        "content-disposition": "attachment; filename*=UTF-8''walk%20%C3%A9.csv",
    }
    answer = client.post("/v1/convert", content=content, headers=headers)
    assert answer.headers["poselift-reader"] == "table"
    assert "image_size" not in answer.json()
    problem = http_problem(client.post("/v1/convert", content=content))
    assert problem.slug == "invalid"
    assert "file: expected a file or folder of a known format" in problem.detail


def test_notes_are_told(client: httpx.Client) -> None:
    ((name, content),) = EXAMPLES["array of MoveNet"].files.items()
    answer = convert(client, content, name=name)
    (note,) = json.loads(answer.headers["poselift-notes"])
    assert "as MoveNet writes them" in note


@pytest.mark.parametrize(
    ("query", "where"),
    [
        ({"image_size": "1920"}, "image_size[1]"),
        ({"image_size": "0,1080"}, "image_size[0]"),
        ({"fps": "fast"}, "fps"),
        ({"min_frames": "0"}, "min_frames"),
        ({"reader": "other"}, "reader"),
        ({"keypoint_format": "other"}, "keypoint_format"),
        ({"colour": "red"}, "colour"),
        ({"name": "x" * 300}, "name"),
    ],
)
def test_wrong_options(client: httpx.Client, query: dict[str, str], where: str) -> None:
    outcome = http_problem(convert(client, dumps(lift_request()), **query))
    assert outcome.slug == "invalid"
    assert where in outcome.places


def test_wrong_files(client: httpx.Client) -> None:
    content = dumps(lift_request() | {"clips": [{"keypoints": [[1]]}]})
    outcome = http_problem(convert(client, content, name="request.json"))
    assert (outcome.slug, outcome.places) == ("invalid", ["clips[0].keypoints[0]"])
    for content in (b"", b"\x00" * 1000, b"PK\x03\x04" + b"\xff" * 100, b"\x93NUMPY\x01\x00"):
        assert http_problem(convert(client, content, name="keypoints.npy")).slug == "invalid"


def test_a_long_gap_is_refused_before_it_is_filled(client: httpx.Client) -> None:
    clips = [
        {"id": str(n), "keypoints": [walker()[0].tolist(), *[None] * 9_000, walker()[1].tolist()]}
        for n in range(3)
    ]
    content = dumps(lift_request() | {"clips": clips})
    outcome = http_problem(convert(client, content, name="request.json"))
    assert outcome.slug == "too-large"
    assert "27006 frames in all are over the limit of 20000" in outcome.detail


def test_nothing_in_a_file_is_run(client: httpx.Client, tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, ...]:
            return Path.touch, (tmp_path / "ran",)

    assert pickle.dumps(Evil())
    answer = convert(client, npz(positions_2d={"S1": Evil()}, metadata={}), name="data.npz")
    assert http_problem(answer).slug == "invalid"
    assert not (tmp_path / "ran").exists()


def test_names_with_folders_are_names(client: httpx.Client) -> None:
    for name in ("../../etc/request.json", r"C:\clips\request.json", "/etc/passwd/request.json"):
        content = dumps(lift_request() | {"clips": 3})
        outcome = http_problem(convert(client, content, name=name))
        assert outcome.places == ["clips"]


def test_compressed_files_are_refused(client: httpx.Client) -> None:
    content = gzip.compress(dumps(lift_request()).encode())
    answer = client.post("/v1/convert", content=content, headers={"content-encoding": "gzip"})
    assert http_problem(answer).slug == "unsupported-media-type"


def test_it_is_off_but_on_loopback_addresses_or_where_asked_for(models: Path) -> None:
    """Converting files, and detecting people in videos."""
    content = dumps(lift_request())
    for host, setting, status in (
        ("0.0.0.0", {}, 404),
        ("0.0.0.0", {"CONVERT": "true", "DETECT": "true"}, 200),
        ("127.0.0.1", {"CONVERT": "false", "DETECT": "false"}, 404),
    ):
        with service_process(
            models, DEFAULT_MODEL="symmetric", HOST=host, ALLOW_ANONYMOUS="true", **setting
        ) as service:
            answer = httpx.post(f"{service.url}/v1/convert", content=content, timeout=120)
            assert answer.status_code == status, answer.text
            detectors = httpx.get(f"{service.url}/v1/detectors")
            video = httpx.post(f"{service.url}/v1/detect?detector=none", content=b"video")
            assert detectors.status_code == status
            if status == 404:
                assert "POSELIFT_CONVERT=true switches it on" in http_problem(answer).detail
                for refused in (detectors, video):
                    said = http_problem(refused).detail
                    assert "POSELIFT_DETECT=true switches it on" in said
            else:
                assert http_problem(video).places == ["detector"]
