"""Clips lifted by a client: the poses of the library, and errors of a type each."""

import dataclasses
import gc
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import grpc
import numpy as np
import pytest
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status

import poselift
from poselift.client import (
    Clip,
    DeadlineExceeded,
    Forbidden,
    Overloaded,
    ServerError,
    ServerUnavailable,
    TooLarge,
    Unauthenticated,
)
from poselift.client.retries import asked
from poselift.imputation import Quality
from tests.clients.servers import (
    KINDS,
    address,
    dribbling_server,
    grpc_proxy,
    http_proxy,
    restarted_service,
)
from tests.live.stores import free_port
from tests.models import person_clip
from tests.serving import service_process

SIZE = (1000.0, 800.0)
CAMERA = poselift.Camera((900.0, 950.0), (480.0, 390.0), (0.1, -0.02, 0.0), (0.001, 0.002))
OPTIONS = {
    "nothing else": {},
    "fps": {"fps": 20.0},
    "timestamps": {"timestamps_s": np.cumsum(np.full(60, 0.031))},
    "first frame": {"first_frame": 1200},
    "a model of its own": {"model": "causal"},
    "expected errors": {"model": "rooted"},
    "camera": {"model": "rooted", "camera": CAMERA},
    "min score": {"min_score": 0.8},
    "no min score": {"min_score": 0.0},
    "flip augmentation": {"flip_augmentation": True},
    "smoothing": {"smoothing_s": 0.2},
    "bone lengths": {"constant_bone_lengths": True},
    "ground contact": {"model": "rooted", "ground_contact": True},
    "height": {"person_height_m": 1.8},
    "y up": {"model": "rooted", "axes": "y_up"},
    "z up": {"axes": "z_up"},
}


def clip(frames=60, seed=0, keypoint_format="coco17"):
    """A walking person, with joints and frames missing and a few joints far off."""
    keypoints = person_clip(frames, seed, keypoint_format)
    random = np.random.default_rng(seed)
    keypoints[random.random(keypoints.shape[:2]) < 0.05, 2] = 0
    keypoints[frames // 3 : 2 * frames // 3, :, 2] = 0
    keypoints[5, 9, :2] += 400
    return keypoints


def assert_same(found, expected):
    """All fields of poses, floats to float32's precision."""
    np.testing.assert_array_equal(found.quality, expected.quality)
    assert found.arrays().keys() == expected.arrays().keys()
    for name, values in expected.arrays().items():
        assert found.arrays()[name].dtype == values.dtype
        np.testing.assert_allclose(found.arrays()[name], values, atol=1e-5, err_msg=name)
    assert found.first_frame == expected.first_frame
    assert found.warnings == expected.warnings
    assert (found.axes, found.skeleton) == (expected.axes, expected.skeleton)
    assert found.fps == pytest.approx(expected.fps)
    np.testing.assert_array_equal(found.timestamps_s, expected.timestamps_s)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_a_client_gives_the_poses_of_the_library(service, models, kind, options):
    keypoints = clip()
    model = models / options.get("model", "symmetric")
    here = poselift.lift(keypoints, image_size=SIZE, **options | {"model": model})
    with poselift.Client(address(service, kind)) as client:
        assert_same(client.lift(keypoints, image_size=SIZE, **options), here)
    assert Quality.UNKNOWN in here.quality


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("keypoint_format", ["coco17", "h36m17", "halpe26", "openpose_body25"])
async def test_keypoint_formats_awaited(service, models, kind, keypoint_format):
    keypoints = clip(keypoint_format=keypoint_format)
    options = {"image_size": SIZE, "keypoint_format": keypoint_format}
    here = poselift.lift(keypoints, model=models / "symmetric", **options)
    async with poselift.AsyncClient(address(service, kind)) as client:
        assert_same(await client.lift(keypoints, **options), here)


@pytest.mark.parametrize("kind", KINDS)
def test_keypoints_as_lists_with_frames_and_joints_left_out(service, models, kind):
    frames = [None, *clip(20).tolist(), []]
    frames[3][2] = None
    options = {"image_size": SIZE}
    here = poselift.lift(frames, model=models / "symmetric", **options)
    with poselift.Client(address(service, kind)) as client:
        assert_same(client.lift(frames, **options), here)


@pytest.mark.parametrize("kind", KINDS)
def test_normalized_coordinates(service, models, kind):
    keypoints = person_clip(20)
    keypoints[..., :2] /= SIZE
    options = {"image_size": SIZE, "coordinates": "normalized"}
    here = poselift.lift(keypoints, model=models / "symmetric", **options)
    with poselift.Client(address(service, kind)) as client:
        assert_same(client.lift(keypoints, **options), here)


@pytest.mark.parametrize("kind", KINDS)
async def test_several_clips_in_a_request(service, models, kind):
    small = clip(30, 2)
    small[..., :2] /= 100  # a warning of this clip alone
    times = np.arange(40) * 0.04
    clips = [clip(50, 1), Clip(small, first_frame=7), Clip(clip(40, 3), timestamps_s=times)]
    model = models / "symmetric"
    here = [
        poselift.lift(clips[0], image_size=SIZE, model=model),
        poselift.lift(small, first_frame=7, image_size=SIZE, model=model),
        poselift.lift(clips[2].keypoints, timestamps_s=times, image_size=SIZE, model=model),
    ]
    assert here[1].warnings
    with poselift.Client(address(service, kind)) as client:
        found = client.lift_clips(clips, image_size=SIZE)
    async with poselift.AsyncClient(address(service, kind)) as awaited:
        again = await awaited.lift_clips(clips, image_size=SIZE)
    for one, other, expected in zip(found, again, here, strict=True):
        assert_same(one, expected)
        assert_same(other, expected)


@pytest.mark.parametrize("kind", KINDS)
async def test_models_are_listed(service, kind):
    with poselift.Client(address(service, kind)) as client:
        models = {model.name: model for model in client.models()}
    assert set(models) == {"symmetric", "causal", "h36m", "person", "rooted"}
    assert models["causal"].causal
    assert models["causal"].aliases == ("live",)
    assert models["symmetric"].aliases == ("default",)
    assert models["symmetric"].receptive_field == 27
    assert models["rooted"].details["normalisation"] == "person"
    async with poselift.AsyncClient(address(service, kind)) as client:
        assert {model.name for model in await client.models()} == set(models)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"image_size": (0, 800)}, "image_size[0]"),
        ({"image_size": (1000, 800, 3)}, "image_size"),
        ({"fps": 0.0}, "fps"),
        ({"fps": float("nan")}, "fps"),
        ({"fps": "fast"}, "image_size, fps"),
        ({"keypoint_format": "nope"}, "keypoint_format"),
        ({"axes": "x_up"}, "axes"),
        ({"coordinates": "metres"}, "coordinates"),
        ({"model": "unknown"}, "model"),
        ({"model": 5}, "model"),
        ({"smoothing_s": 2.0}, "smoothing_s"),
        ({"person_height_m": 9.0}, "person_height_m"),
        (
            {"camera": dataclasses.replace(CAMERA, focal_length=(0.0, 1.0))},
            "camera.focal_length[0]",
        ),
        ({"first_frame": -1}, "first_frame"),
        ({"timestamps_s": [0.0, 1.0]}, "timestamps_s"),
        ({"timestamps_s": np.zeros(20)}, "timestamps_s[1]"),
        ({"max_gap_s": 1.0}, "max_gap_s"),
        ({"keypoints": np.zeros((4, 3, 3))}, "keypoints"),
        ({"keypoints": np.full((4, 17, 3), np.nan)}, "keypoints[0][0]"),
        ({"keypoints": np.zeros((4, 17, 3))}, "keypoints"),
        ({"keypoints": person_clip(20) / 1000}, "keypoints"),
    ],
)
def test_invalid_input_names_the_place(service, kind, change, where):
    arguments = {"keypoints": person_clip(20), "image_size": SIZE} | change
    with (
        poselift.Client(address(service, kind)) as client,
        pytest.raises(poselift.InvalidInput) as raised,
    ):
        client.lift(**arguments)
    assert [fault.where for fault in raised.value.field_errors] == [where]
    assert raised.value.field_errors[0].expected


@pytest.mark.parametrize("kind", KINDS)
def test_other_refusals_have_a_type_each(service, kind):
    with poselift.Client(address(service, kind)) as client:
        with pytest.raises(TooLarge, match="2000"):
            client.lift(person_clip(2001), image_size=SIZE)
        with pytest.raises(poselift.InvalidInput) as raised:
            client.lift_clips([person_clip(5), person_clip(5) / 1000], image_size=SIZE)
        assert raised.value.field_errors[0].where == "clips[1].keypoints"
        with pytest.raises(poselift.InvalidInput, match="at least one clip"):
            client.lift_clips([], image_size=SIZE)
    with (
        poselift.Client(address(service, kind), timeout_s=1e-4) as client,
        pytest.raises((DeadlineExceeded, ServerUnavailable)),
    ):
        client.lift(person_clip(1000), image_size=SIZE)


@pytest.mark.parametrize("kind", KINDS)
async def test_keys(models, kind):
    with service_process(models, API_KEYS="mine", THREADS="1") as service:
        url = address(service, kind)
        with poselift.Client(url) as client, pytest.raises(Unauthenticated):
            client.models()
        with poselift.Client(url, api_key="other") as client, pytest.raises(Forbidden):
            client.models()
        with poselift.Client(url, api_key="mine") as client:
            assert client.lift(person_clip(5), image_size=SIZE).poses.shape == (5, 17, 3)
        async with poselift.AsyncClient(url, api_key="other") as client:
            with pytest.raises(Forbidden):
                await client.models()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("key", ["secret\n", " secret", "secret\x00", "sécret", ""])
def test_keys_that_no_header_can_have_are_refused_and_not_told(kind, key):
    for client in (poselift.Client, poselift.AsyncClient):
        with pytest.raises(poselift.InvalidInput, match="api_key: expected printable") as raised:
            client(f"{kind}://127.0.0.1:1", api_key=key)
        assert "cret" not in str(raised.value)


@pytest.mark.parametrize("status", [429, 503])
async def test_http_refusals_are_asked_again_when_they_say(service, status):
    refusals = [(status, {"retry-after": "1"}), (status, {})]
    with http_proxy(service.url, refusals) as (url, given):
        with poselift.Client(url) as client:
            client.lift(person_clip(5), image_size=SIZE)
        assert given == [status, status, 200]
    with http_proxy(service.url, refusals) as (url, given):
        async with poselift.AsyncClient(url) as client:
            await client.lift(person_clip(5), image_size=SIZE)
        assert given == [status, status, 200]


def test_http_refusals_that_ask_for_too_long_are_told_at_once(service):
    with http_proxy(service.url, [(429, {"retry-after": "3600"})]) as (url, given):
        with poselift.Client(url) as client, pytest.raises(Overloaded, match="429") as raised:
            client.lift(person_clip(5), image_size=SIZE)
        assert raised.value.retry_after_s == 3600
        assert given == [429]


@pytest.mark.parametrize("status", [400, 404, 413, 415, 500, 504])
def test_other_http_answers_are_not_asked_again(service, status):
    with http_proxy(service.url, [(status, {})]) as (url, given):
        with poselift.Client(url) as client, pytest.raises(ServerError, match=str(status)):
            client.lift(person_clip(5), image_size=SIZE)
        assert given == [status]


PROBLEM = b'{"type": "urn:poselift:problem:overloaded", "detail": "the queue is full"}'
BUSY = (grpc.StatusCode.RESOURCE_EXHAUSTED, (("problem-bin", PROBLEM), ("retry-after", "1")))
AWAY = (grpc.StatusCode.UNAVAILABLE, (("grpc-retry-pushback-ms", "200"),))


async def test_grpc_refusals_are_asked_again_when_they_say(service):
    with grpc_proxy(address(service, "grpc"), [BUSY, AWAY]) as (url, given):
        with poselift.Client(url) as client:
            client.lift(person_clip(5), image_size=SIZE)
        assert given == ["RESOURCE_EXHAUSTED", "UNAVAILABLE", "OK"]
    with grpc_proxy(address(service, "grpc"), [BUSY, AWAY]) as (url, given):
        async with poselift.AsyncClient(url) as client:
            await client.lift(person_clip(5), image_size=SIZE)
        assert given == ["RESOURCE_EXHAUSTED", "UNAVAILABLE", "OK"]


def test_grpc_refusals_that_ask_for_too_long_are_told_at_once(service):
    with grpc_proxy(address(service, "grpc"), [BUSY]) as (url, given):
        with (
            poselift.Client(url, timeout_s=0.9) as client,
            pytest.raises(Overloaded, match="queue is full") as raised,
        ):
            client.lift(person_clip(5), image_size=SIZE)
        assert raised.value.retry_after_s == 1
        assert given == ["RESOURCE_EXHAUSTED"]


async def test_an_answer_in_small_pieces_has_one_deadline():
    """Each piece comes in time; without a deadline for all of them the answer is a 404."""
    with dribbling_server(60, 0.25) as url:
        with poselift.Client(url, timeout_s=2) as client, pytest.raises(DeadlineExceeded):
            client.lift(person_clip(5), image_size=SIZE)
        async with poselift.AsyncClient(url, timeout_s=2) as client:
            with pytest.raises(DeadlineExceeded):
                await client.lift(person_clip(5), image_size=SIZE)


FORKING = """
import multiprocessing, sys
import poselift
with poselift.Client(sys.argv[1]) as client:
    client.models()
    process = multiprocessing.get_context("fork").Process(target=client.models)
    process.start()
    process.join()
    client.models()
    sys.exit(process.exitcode)
"""


def test_a_client_may_be_used_in_a_forked_process(service):
    program = [sys.executable, "-W", "error", "-c", FORKING, service.url]
    subprocess.run(program, check=True, timeout=120)


def test_clients_that_are_not_closed_leave_no_thread(service):
    before = {thread.ident for thread in threading.enumerate()}
    client = poselift.Client(service.url)
    client.models()
    session = client.stream(image_size=SIZE).open()
    del client, session
    gc.collect()
    for thread in threading.enumerate():
        if thread.ident not in before:
            thread.join(60)
            assert not thread.is_alive()


def retry_info(delay: Duration):
    info = AnyMessage()
    info.Pack(RetryInfo(retry_delay=delay))
    status = Status(code=8, message="busy", details=[AnyMessage(type_url="x/other"), info])
    return ("grpc-status-details-bin", status.SerializeToString())


@pytest.mark.parametrize(
    ("trailers", "wait_s"),
    [
        ([retry_info(Duration(seconds=900, nanos=500_000_000))], 900.5),
        ([retry_info(Duration(seconds=900)), ("retry-after", "901")], 900),
        ([("grpc-status-details-bin", b"\xff"), ("retry-after", "901")], 901),
        ([("grpc-status-details-bin", Status(code=8).SerializeToString())], None),
    ],
    ids=["alone", "before whole seconds", "unreadable", "without"],
)
def test_retry_info_tells_how_long_to_wait(service, trailers, wait_s):
    refusal = (grpc.StatusCode.RESOURCE_EXHAUSTED, tuple(trailers))
    with (
        grpc_proxy(address(service, "grpc"), [refusal]) as (url, _),
        poselift.Client(url) as client,
        pytest.raises(ServerError) as raised,
    ):
        client.lift(person_clip(5), image_size=SIZE)
    assert getattr(raised.value, "retry_after_s", None) == wait_s


def test_a_proxys_retry_info_is_waited_for(service):
    full = (grpc.StatusCode.RESOURCE_EXHAUSTED, (retry_info(Duration(nanos=200_000_000)),))
    with grpc_proxy(address(service, "grpc"), [full]) as (url, given):
        with poselift.Client(url) as client:
            client.lift(person_clip(5), image_size=SIZE)
        assert given == ["RESOURCE_EXHAUSTED", "OK"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_that_starts_late_is_waited_for(models, one_store, kind):
    with restarted_service(models, one_store) as service:
        service.start_soon()
        with poselift.Client(address(service, kind), timeout_s=200) as client:
            assert len(client.lift(person_clip(5), image_size=SIZE)) == 5


@pytest.mark.parametrize("kind", KINDS)
async def test_no_server_is_told_in_time(kind):
    url = f"{kind}://127.0.0.1:{free_port()}"
    with poselift.Client(url, timeout_s=0.5) as client, pytest.raises(ServerUnavailable):
        client.models()
    async with poselift.AsyncClient(url, timeout_s=0.5) as client:
        with pytest.raises(ServerUnavailable):
            await client.models()


def test_the_latest_error_is_told_where_a_wait_took_longer_than_there_was_time():
    flow = asked(lambda _, __: None, timeout_s=0.3)
    next(flow)
    waiting = flow.throw(ServerUnavailable("away"))
    waiting(SimpleNamespace(sleep=lambda _: time.sleep(0.4)))
    with pytest.raises(ServerUnavailable, match="away"):
        next(flow)


@pytest.mark.parametrize("kind", KINDS)
def test_threads_may_share_a_client(service, kind):
    found = {}
    with poselift.Client(address(service, kind)) as client:

        def lift(seed):
            found[seed] = client.lift(person_clip(30, seed), image_size=SIZE)

        threads = [threading.Thread(target=lift, args=(seed,)) for seed in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for seed, poses in found.items():
            assert_same(poses, client.lift(person_clip(30, seed), image_size=SIZE))
    assert len(found) == 4


@pytest.mark.parametrize(
    "url",
    [
        "127.0.0.1:8000",
        "ftp://127.0.0.1",
        "http://",
        "http://a:b",
        "grpc://host/path",
        "http://host/?key=mine",
        "http://me:secret@host",
        "http://[::1",
    ],
)
def test_addresses_that_are_none(url):
    with pytest.raises(poselift.InvalidInput, match="url: expected"):
        poselift.Client(url)


def test_importing_the_library_imports_no_client():
    heavy = ("httpx", "grpc", "google.protobuf", "websockets")
    code = (
        "import sys, poselift; "
        f"print([name for name in {heavy} if name in sys.modules], poselift.Client.__name__, "
        f"[name for name in {heavy} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[] Client []"


@pytest.mark.parametrize(
    ("missing", "url"), [("httpx", "http://127.0.0.1"), ("grpc", "grpc://127.0.0.1")]
)
def test_a_missing_package_names_the_extra(missing, url):
    code = f"import sys; sys.modules[{missing!r}] = None; import poselift; poselift.Client({url!r})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "pip install 'poselift[client]'" in done.stderr
