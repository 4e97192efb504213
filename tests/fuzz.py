"""A running service under mutated requests, for a long time: ``python -m tests.fuzz``.

Good requests of every kind are changed at random, in bytes and in values: lift requests in both
formats, files of detectors, RPCs, live sessions over gRPC and WebSocket. Each must be answered,
well or as a caller's fault; never as the service's, and nothing may be logged as an error. Between
them a good request must have the same answer as at first. Ends with status 1 where that fails.
"""

import argparse
import asyncio
import json
import random
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import grpc.aio
import httpx
import websockets
from google.protobuf.json_format import ParseDict

from poselift.v1 import poselift_pb2 as messages
from tests.models import model_folder, person_clip
from tests.poselift.readers.examples import EXAMPLES
from tests.serving import ServiceProcess, service_process

_VALUES: tuple[Any, ...] = (
    *(None, True, "", "x" * 300, -1, 0, 2**31, 2**63, 2**64, 1e300, -1e-300, [], {}, [[]]),
    *("default", "coco17", [1], [1, 2, 3], {"a": 1}, "\u0000", "NaN"),
)
_TEXTS = (b"null", b"NaN", b"1e999", b"[]", b"{}", b'"', b"\xff\xfe", b"9" * 400, b"[" * 2_000)
_FAULTS = {grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN, grpc.StatusCode.UNIMPLEMENTED}
_NUMBER = re.compile(rb"-?\d+\.?\d*|null|true|\[|\{")
_FRAMES = 12
_CHECK_EVERY = 200
_WAIT_S = 120.0


class Fuzz:
    """Mutated requests, and what came of them."""

    def __init__(self, service: ServiceProcess, chance: random.Random) -> None:
        self.outcomes: Counter[str] = Counter()
        self.faults: list[str] = []
        self._service = service
        self._chance = chance
        self._http = httpx.AsyncClient(base_url=service.url, timeout=_WAIT_S)
        self._channel = grpc.aio.insecure_channel(f"127.0.0.1:{service.grpc_port}")
        frames = person_clip(_FRAMES).tolist()
        self._lift = {"image_size": [1000, 800], "fps": 50, "clips": [{"keypoints": frames}]}
        self._open = {"image_size": [1000, 800], "fps": 30}
        self._frame = {"index": 0, "people": [{"track_id": "p", "keypoints": frames[0]}]}
        self._files = [
            (name, content if isinstance(content, bytes) else content.encode())
            for example in EXAMPLES.values()
            for name, content in list(example.files.items())[:1]
        ]

    async def run(self, until: float) -> None:
        """Send requests, a few at a time, until then."""
        expected = await self._good()
        callers: tuple[Callable[[], Awaitable[str]], ...] = (
            self._lift_over_http,
            self._convert,
            self._lift_over_grpc,
            self._stream_over_grpc,
            self._stream_over_websocket,
        )

        async def caller() -> None:
            while time.monotonic() < until:
                for _ in range(_CHECK_EVERY):
                    send = self._chance.choice(callers)
                    outcome = f"{send.__name__.lstrip('_')} {await self._outcome(send)}"
                    self.outcomes[outcome] += 1
                if await self._good() != expected:
                    self.faults.append("a good request has another answer")

        await asyncio.gather(*(caller() for _ in range(4)))
        await self._http.aclose()
        await self._channel.close()

    async def _outcome(self, send: Callable[[], Awaitable[str]]) -> str:
        try:
            return await asyncio.wait_for(send(), _WAIT_S)
        except grpc.aio.AioRpcError as error:
            if error.code() in _FAULTS:
                self.faults.append(f"{error.code().name}: {error.details()}")
            return str(error.code().name)
        except websockets.ConnectionClosed as closed:
            if closed.rcvd is None or closed.rcvd.code == 1011:
                self.faults.append(f"WebSocket: {closed}")
            return "closed"
        except (TimeoutError, httpx.HTTPError) as error:
            self.faults.append(f"no answer: {error!r}")
            return "none"

    async def _good(self) -> Any:
        answer = await self._http.post("/v1/lift", json=self._lift)
        return answer.json()["clips"] if answer.is_success else answer.text

    async def _post(self, path: str, body: bytes, media_type: str, **query: str) -> str:
        headers = {"content-type": media_type}
        answer = await self._http.post(path, content=body, headers=headers, params=query)
        if answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
            self.faults.append(f"{path}: {answer.status_code} {answer.text[:300]}")
        return str(answer.status_code)

    async def _lift_over_http(self) -> str:
        document = self._changed(self._lift)
        if self._chance.random() < 0.7:
            body = self._damaged(json.dumps(document).encode())
            return await self._post("/v1/lift", body, "application/json")
        return await self._post("/v1/lift", self._request_bytes(), "application/x-protobuf")

    async def _convert(self) -> str:
        name, content = self._chance.choice(self._files)
        body = self._damaged(content, always=True)
        return await self._post("/v1/convert", body, "application/octet-stream", name=name)

    async def _lift_over_grpc(self) -> str:
        call = self._channel.unary_unary("/poselift.v1.PoseLift/Lift")
        await call(self._request_bytes(), timeout=_WAIT_S)
        return "OK"

    async def _stream_over_grpc(self) -> str:
        call: Any = self._channel.stream_stream("/poselift.v1.PoseLift/LiftStream")()
        for kind, document in (("open", self._open), ("frame", self._frame)):
            await call.write(self._stream_message(kind, document))
            if await call.read() is grpc.aio.EOF:
                return str((await call.code()).name)
        await call.done_writing()
        return "OK"

    async def _stream_over_websocket(self) -> str:
        address = self._service.url.replace("http", "ws") + "/v1/stream"
        async with websockets.connect(address) as socket:
            for kind, document in (("open", self._open), ("frame", self._frame)):
                text = json.dumps({kind: self._changed(document)}).encode()
                await socket.send(self._damaged(text).decode(errors="replace"))
                await socket.recv()
        return "OK"

    def _request_bytes(self) -> bytes:
        clip = messages.Clip(id="a", keypoints=person_clip(_FRAMES).ravel().tolist())
        request = messages.LiftRequest(image_size=[1000, 800], clips=[clip])
        return self._damaged(request.SerializeToString(), always=True)

    def _stream_message(self, kind: str, document: Any) -> bytes:
        message = messages.LiftStreamRequest()
        if kind == "open":
            ParseDict({"open": document}, message)
        else:
            keypoints = [value for joint in document["people"][0]["keypoints"] for value in joint]
            message.frame.people.append(messages.Person(track_id="p", keypoints=keypoints))
        return self._damaged(message.SerializeToString())

    def _changed(self, document: Any) -> Any:
        """A copy with some values taken out, put elsewhere or replaced by others."""
        changed = json.loads(json.dumps(document))
        for _ in range(self._chance.choice((0, 1, 1, 2))):
            self._change_one(changed)
        return changed

    def _change_one(self, document: Any) -> None:
        place = document
        while True:
            keys = list(place) if isinstance(place, dict) else list(range(len(place)))
            if not keys:
                return
            key = self._chance.choice(keys)
            if not isinstance(place[key], dict | list) or self._chance.random() < 0.25:
                break
            place = place[key]
        if self._chance.random() < 0.3:
            del place[key]
        else:
            place[key] = deepcopy(self._chance.choice(_VALUES))  # it may be changed in turn

    def _damaged(self, body: bytes, *, always: bool = False) -> bytes:
        """The bytes, some of them changed, left out or put elsewhere; often the same."""
        damaged = bytearray(body)
        for _ in range(self._chance.choice((1, 1, 2, 5) if always else (0, 0, 0, 1, 3))):
            at = self._chance.randrange(len(damaged) or 1)
            match self._chance.randrange(5):
                case 0:
                    damaged[at : at + 1] = bytes([self._chance.randrange(256)])
                case 1:
                    del damaged[at : at + self._chance.randrange(1, 40)]
                case 2:
                    damaged[at:at] = self._chance.choice(_TEXTS)
                case 3:
                    self._replace_a_value(damaged)
                case _:
                    del damaged[at + 1 :]
        return bytes(damaged)

    def _replace_a_value(self, damaged: bytearray) -> None:
        found = list(_NUMBER.finditer(bytes(damaged[:4_000])))
        if found:
            place = self._chance.choice(found)
            damaged[place.start() : place.end()] = self._chance.choice(_TEXTS)


async def _fuzz(service: ServiceProcess, options: argparse.Namespace) -> Fuzz:
    fuzz = Fuzz(service, random.Random(options.seed))
    await fuzz.run(time.monotonic() + options.minutes * 60)
    return fuzz


def main() -> int:
    """Print what came of the requests, and what should not have; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        model_folder(Path(folder) / "small", channels=8, filter_widths=(3, 3))
        model_folder(Path(folder) / "causal", channels=8, filter_widths=(3, 3), causal=True)
        settings = {"DEFAULT_MODEL": "small", "LIVE_MODEL": "causal"}
        with service_process(Path(folder), **settings) as service:
            fuzz = asyncio.run(_fuzz(service, options))
            logged = [line for line in service.log if " ERROR " in line or "Traceback" in line]
    for outcome, count in sorted(fuzz.outcomes.items()):
        print(f"{count:8} {outcome}")
    faults = [*fuzz.faults, *logged]
    for fault, count in Counter(faults).most_common(20):
        print(f"{count:8} {fault.strip()}")
    print(f"{fuzz.outcomes.total()} requests, {len(faults)} faults")
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())
