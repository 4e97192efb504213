"""Large bodies are decoded in another process; the service survives its end."""

import asyncio
import os
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from poselift.errors import InvalidInput
from service.logs import begin_request, ids
from service.request_errors import TooLarge
from service.requests import LiftRequest
from service.validation import Limits
from service.wire.decoding import Decoder
from service.wire.served_formats import JSON, JsonFormat


class Elsewhere(JsonFormat):
    """No body is small enough to be decoded on the event loop."""

    inline_bytes = 0


class Fatal(Elsewhere):
    """As when a process takes too much memory."""

    def decode_lift_request(self, body: bytes, limits: Limits) -> LiftRequest:
        os._exit(137)


class FatalOnce(Elsewhere):
    """As when a process is killed from elsewhere; the body is a file that tells it was."""

    def decode_lift_request(self, body: bytes, limits: Limits) -> Any:
        file = Path(body.decode())
        if not file.exists():
            file.touch()
            os._exit(137)
        return "decoded"


class Slow(Elsewhere):
    """Takes its time; the body is a file that has a line for each try, and a lot of nothing."""

    def decode_lift_request(self, body: bytes, limits: Limits) -> Any:
        with Path(body.strip().decode()).open("a") as file:
            file.write("tried\n")
        time.sleep(600)


def exists(file: Path) -> None:
    """Wait until a file does."""
    while not file.exists():
        time.sleep(0.05)


class Enormous(Elsewhere):
    """A result that is sent slowly."""

    def decode_lift_request(self, body: bytes, limits: Limits) -> Any:
        return bytes(300_000_000)


def body(frames: int, **fields: object) -> bytes:
    clips = [{"id": "a", "keypoints": [[[1.5, 2.5, 0.5]] * 17] * frames}]
    return orjson.dumps({"image_size": [1000, 800], "clips": clips, **fields})


async def test_it_makes_no_difference_where_a_body_is_decoded() -> None:
    decoder = Decoder(Limits())
    here, elsewhere = [await decoder.lift_request(given, body(30)) for given in (JSON, Elsewhere())]
    decoder.close()
    assert here.options == elsewhere.options
    np.testing.assert_array_equal(here.clips[0].keypoints_TJ3, elsewhere.clips[0].keypoints_TJ3)


async def test_errors_keep_their_place() -> None:
    decoder = Decoder(Limits())
    with pytest.raises(InvalidInput) as refused:
        await decoder.lift_request(Elsewhere(), body(30, fps=0, image_size=[0, 1]))
    decoder.close()
    assert {problem.where for problem in refused.value.field_errors} == {"fps", "image_size[0]"}


async def test_a_body_that_kills_the_process_is_refused_and_others_are_decoded(
    caplog: pytest.LogCaptureFixture,
) -> None:
    decoder = Decoder(Limits())
    request_id = begin_request(None)
    told = []
    caplog.handler.addFilter(lambda _: not told.append(ids()))
    killer = decoder.lift_request(Fatal(), b"bomb")
    outcomes = await asyncio.gather(killer, return_exceptions=True)
    assert isinstance(outcomes[0], TooLarge)
    assert told == [{"request_id": request_id}]
    assert len((await decoder.lift_request(Elsewhere(), body(30))).clips) == 1
    decoder.close()


async def test_a_body_whose_process_was_killed_has_another(tmp_path: Path) -> None:
    decoder = Decoder(Limits())
    body = str(tmp_path / "killed").encode()
    assert await decoder.lift_request(FatalOnce(), body) == "decoded"
    decoder.close()


async def test_a_large_body_that_is_given_up_is_not_decoded_to_its_end(tmp_path: Path) -> None:
    decoder = Decoder(Limits())
    file = tmp_path / "tries"
    large = str(file).encode().ljust(5_000_000)
    decoding = asyncio.create_task(decoder.lift_request(Slow(), large))
    async with asyncio.timeout(60):
        await asyncio.to_thread(exists, file)
        decoding.cancel()
        await asyncio.gather(decoding, return_exceptions=True)
        padded = body(30).ljust(5_000_000)
        assert len((await decoder.lift_request(Elsewhere(), padded)).clips) == 1
    assert file.read_text() == "tried\n"
    decoder.close()


@pytest.mark.parametrize("moment_s", [0.1, 0.15, 0.2, 0.3])
async def test_closing_ends_whatever_is_being_sent_back(moment_s: float) -> None:
    """At one of these moments a result is partly sent; its reader must not wait for the rest."""
    decoder = Decoder(Limits())
    before = set(threading.enumerate())
    await decoder.lift_request(Elsewhere(), body(30))
    sending = asyncio.create_task(decoder.lift_request(Enormous(), b"x"))
    await asyncio.sleep(moment_s)
    decoder.close()
    sending.cancel()
    started = [each for each in threading.enumerate() if each not in before]
    for each in started:
        await asyncio.to_thread(each.join, 60)
    assert not [each.name for each in started if each.is_alive()]
