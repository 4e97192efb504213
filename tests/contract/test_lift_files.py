"""Answers of POST /v1/lift as files of tools: the same as the library writes."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import orjson
import pytest

import poselift
from poselift.writers.formats import WRITERS
from poselift.writers.rigs import RIGS
from service.request_errors import NotAcceptable
from service.requests import LiftedClip
from service.validation import Limits
from service.wire.pose_files import PoseFile
from tests.contract.conftest import LIMITS
from tests.contract.scenarios import gappy, keypoints, request, request_of
from tests.contract.transports import as_message, http_problem
from tests.serving import ServiceProcess

SIZE = (1000, 800)
BVH = "model/x-bvh"
SERVED = [(ending, each.media_type) for ending, each in WRITERS.items() if each.media_type]


@pytest.fixture(scope="module")
def client(service: ServiceProcess) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=service.url, timeout=120) as client:
        yield client


def lift(client: httpx.Client, sent: dict[str, Any], accept: str) -> httpx.Response:
    return client.post("/v1/lift", json=sent, headers={"accept": accept})


def numbers(ending: str, path: Path) -> Any:
    """What a file has in it: its numbers, and what is between them."""
    if ending == ".npz":
        with np.load(path) as arrays:
            return {name: arrays[name] for name in arrays}
    if ending == ".videopose3d.npz":
        subjects = np.load(path, allow_pickle=True)["positions_3d"].item()
        return {
            f"{who} {what}": rows
            for who, all_of in subjects.items()
            for what, rows in all_of.items()
        }
    if ending == ".parquet":
        parquet = pytest.importorskip("pyarrow.parquet")
        columns = parquet.read_table(path).to_pydict()
        return {name: np.array(values) for name, values in columns.items()}
    if ending == ".glb":
        content = path.read_bytes()
        start = 20 + int.from_bytes(content[12:16], "little")
        description = json.loads(content[20:start])
        return {"length": np.array([len(content)]), "nodes": np.array(str(description["nodes"]))}
    parts = re.split(r"(-?\d+\.\d+(?:e-?\d+)?)", path.read_text())
    return {"numbers": np.array(parts[1::2], float), "text": np.array(parts[::2])}


@pytest.mark.parametrize(("ending", "media_type"), SERVED)
def test_a_file_is_what_the_library_writes(
    client: httpx.Client, models: Path, tmp_path: Path, ending: str, media_type: str
) -> None:
    """The clip has missing joints, a gap without poses and no person at its ends."""
    clip = [None] * 30 + gappy(90) + [None] * 40
    sent = request_of(clip, id="anna", first_frame=100) | {"fps": 30, "model": "rooted"}
    answer = lift(client, sent, media_type)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == media_type
    assert answer.headers["content-disposition"] == f'attachment; filename="anna{ending}"'
    poses = poselift.lift(clip, image_size=SIZE, fps=30, model=models / "rooted", first_frame=100)
    folder = tmp_path / "library"
    folder.mkdir()
    poselift.write(folder / f"anna{ending}", poses)
    (tmp_path / f"anna{ending}").write_bytes(answer.content)
    found = numbers(ending, tmp_path / f"anna{ending}")
    expected = numbers(ending, folder / f"anna{ending}")
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        if values.dtype.kind == "f":
            np.testing.assert_allclose(found[name], values, atol=2e-2, rtol=1e-4, err_msg=name)
        else:
            np.testing.assert_array_equal(found[name], values, err_msg=name)


def test_frames_keep_their_times(client: httpx.Client) -> None:
    times = [0.0, 0.1, 0.2, 0.3, 0.5, 0.6]
    clip = [None, *keypoints(4), None]
    sent = request_of(clip, timestamps_s=times)
    rows = lift(client, sent, "text/csv").text.splitlines()
    assert [float(row.split(",")[1]) for row in rows[1:]] == times


@pytest.mark.parametrize("rig", RIGS)
def test_the_rig_is_a_parameter(client: httpx.Client, rig: str) -> None:
    for accept in (f"{BVH}; rig={rig}", f'MODEL/X-BVH;RIG="{rig}";q=0.9, text/csv;q=0.1'):
        answer = lift(client, request(fps=50), accept)
        assert f"ROOT {RIGS[rig].joints[0].name}\n" in answer.text


@pytest.mark.parametrize(
    ("accept", "answered"),
    [
        (f"{BVH}, application/json", BVH),
        (f"{BVH};q=0.5, application/json", "application/json"),
        ("application/json, text/plain, */*", "application/json"),
        ("text/html, */*;q=0.1, text/csv;q=0.2", "text/csv"),
        ("text/csv;q=0", "application/json"),
        ("text/*, model/*", "application/json"),
        ("application/x-unknown", "application/json"),
    ],
)
def test_the_best_accepted_is_answered(client: httpx.Client, accept: str, answered: str) -> None:
    assert lift(client, request(), accept).headers["content-type"] == answered


def test_requests_may_be_in_protobuf(client: httpx.Client) -> None:
    body = as_message(request()).SerializeToString()
    headers = {"content-type": "application/x-protobuf", "accept": "model/gltf-binary"}
    answer = client.post("/v1/lift", content=body, headers=headers)
    assert answer.content.startswith(b"glTF")


@pytest.mark.parametrize(
    ("sent", "accept", "slug", "text"),
    [
        (request(keypoints(), keypoints()), BVH, "invalid", "clips: expected one for an answer in"),
        (request(), f"{BVH};rig=other", "invalid", "accept: rig: expected one of h36m, mixamo"),
        (request(), "text/csv;rig=vrm", "invalid", "accept: rig: expected none, which only .bvh"),
        (request([[[0, 0]] * 17]), BVH, "invalid", "clips[0]"),
        (request([*keypoints(), *[None] * 21_000]), BVH, "too-large", "limit of 20000 of a file"),
        (
            request_of(keypoints(5), timestamps_s=[0, 0.01, 0.02, 0.03, 500]),
            BVH,
            "too-large",
            "limit of 20000 of a file",
        ),
    ],
    ids=[
        "two clips",
        "rig",
        "rig of a table",
        "no person",
        "many frames without the person",
        "long pauses",
    ],
)
def test_what_no_file_can_be_of(
    client: httpx.Client, sent: dict[str, Any], accept: str, slug: str, text: str
) -> None:
    assert int(LIMITS["MAX_FRAMES_PER_REQUEST"]) == 20_000
    outcome = http_problem(lift(client, sent, accept))
    assert outcome.slug == slug
    assert text in outcome.detail


def test_warnings_come_as_a_header(client: httpx.Client) -> None:
    sent = request_of(keypoints(60)) | {"image_size": [5000, 20_000]}
    expected = client.post("/v1/lift", json=sent).json()["warnings"]
    assert {each.pop("clip") for each in expected} == {"0"}
    warned = lift(client, sent, BVH).headers["poselift-warnings"]
    assert json.loads(warned) == expected
    assert json.loads(lift(client, request(), BVH).headers["poselift-warnings"]) == []


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("../../etc/passwd", "etc_passwd"),
        ('a"; b\r\n', "a_b"),
        ("é", "poses"),
        ("x" * 200, "x" * 80),
    ],
)
def test_names_of_files_are_harmless(client: httpx.Client, given: str, name: str) -> None:
    answer = lift(client, request_of(keypoints(), id=given), "text/x-trc")
    assert answer.headers["content-disposition"] == f'attachment; filename="{name}.trc"'


def test_a_format_that_is_not_installed_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    poses = poselift.Poses(np.zeros((2, 17, 3), np.float32), quality=np.zeros(2, np.uint8), fps=30)
    clip = LiftedClip("anna", poses)
    with pytest.raises(NotAcceptable, match="pip install 'poselift"):
        PoseFile(".parquet").written(clip, Limits())


def test_the_document_has_them(service: ServiceProcess) -> None:
    document = httpx.get(f"{service.url}/openapi.json").json()
    answer = document["paths"]["/v1/lift"]["post"]["responses"]["200"]
    assert {media_type for _, media_type in SERVED} < answer["content"].keys()
    assert "mixamo" in answer["content"][BVH]["schema"]["description"]
    assert answer["headers"].keys() == {"content-disposition", "poselift-warnings"}


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_curl_saves_the_file_by_its_name(service: ServiceProcess, tmp_path: Path) -> None:
    (tmp_path / "request.json").write_bytes(orjson.dumps(request_of(keypoints(), id="walk")))
    command = ["curl", "-sfOJ", f"{service.url}/v1/lift", "--json", "@request.json"]
    command += ["-H", f"accept: {BVH}; rig=mixamo"]
    subprocess.run(command, cwd=tmp_path, check=True)
    assert "ROOT mixamorig:Hips" in (tmp_path / "walk.bvh").read_text()
