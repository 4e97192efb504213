"""Clients of a running service's live half, one for each transport, with JSON messages."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import grpc.aio
import httpx
import numpy as np
import orjson
import websockets
from google.protobuf.json_format import MessageToDict, ParseDict
from websockets.exceptions import ConnectionClosed

from poselift.v1 import poselift_pb2 as messages
from poselift.v1 import poselift_pb2_grpc as stubs
from service.live.frames import Frame

Json = dict[str, Any]
_QUALITY = {1: "measured", 2: "filled", 3: "unknown"}
TIMEOUT_S = 60


class Ended(Exception):
    """The service ended the stream; ``code`` is the transport's."""

    def __init__(self, code: object, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


def as_json(frame: Frame) -> Json:
    """A frame as the JSON has it."""
    people = [
        {"track_id": person.track_id, "keypoints": person.keypoints_J3.tolist()}
        for person in frame.people
    ]
    return {"index": frame.index, "people": people}


class GrpcStream:
    """LiftStream."""

    def __init__(self, call: Any) -> None:
        self._call = call

    async def send(self, message: Json) -> None:
        try:
            await self._call.write(_to_protobuf(message))
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            raise await self._ended() from None

    async def receive(self) -> Json:
        try:
            async with asyncio.timeout(TIMEOUT_S):
                answer = await self._call.read()
        except grpc.aio.AioRpcError as error:
            raise Ended(error.code().name, error.details() or "") from None
        if answer is grpc.aio.EOF:
            raise await self._ended()
        return _from_protobuf(answer)

    async def _ended(self) -> Ended:
        return Ended((await self._call.code()).name, await self._call.details() or "")


class SocketStream:
    """/v1/stream in JSON."""

    def __init__(self, socket: Any, is_text: bool) -> None:
        self._socket = socket
        self._is_text = is_text

    async def send(self, message: Json) -> None:
        text = orjson.dumps(message).decode() if self._is_text else None
        try:
            await self._socket.send(text or _to_protobuf(message).SerializeToString())
        except ConnectionClosed as error:
            raise _closed(error) from None

    def write(self, sent: bytes) -> None:
        """Put bytes on the wire as they are."""
        self._socket.transport.write(sent)

    async def receive(self) -> Json:
        try:
            async with asyncio.timeout(TIMEOUT_S):
                answer = await self._socket.recv()
        except ConnectionClosed as error:
            raise _closed(error) from None
        if self._is_text:
            content: Json = orjson.loads(answer)
            return content
        return _from_protobuf(messages.LiftStreamResponse.FromString(answer))


def _closed(error: ConnectionClosed) -> Ended:
    closed = error.rcvd
    return Ended(closed.code if closed else None, closed.reason if closed else "")


Stream = GrpcStream | SocketStream
TRANSPORTS = ("grpc", "websocket-json", "websocket-protobuf")


@asynccontextmanager
async def stream(service: Any, transport: str, key: str | None = None) -> AsyncIterator[Stream]:
    """An open stream to a running service, dropped without a close at the end."""
    headers = [("authorization", f"Bearer {key}")] if key else []
    if transport == "grpc":
        async with grpc.aio.insecure_channel(f"127.0.0.1:{service.grpc_port}") as channel:
            call = stubs.PoseLiftStub(channel).LiftStream(metadata=headers)
            yield GrpcStream(call)
            call.cancel()
        return
    subprotocol = "poselift.v1." + transport.removeprefix("websocket-")
    async with websockets.connect(
        f"ws://127.0.0.1:{service.http_port}/v1/stream",
        subprotocols=[websockets.Subprotocol(subprotocol)],
        additional_headers=headers,
        max_size=None,
        open_timeout=TIMEOUT_S,
        close_timeout=1,
    ) as socket:
        assert socket.subprotocol == subprotocol
        yield SocketStream(socket, transport == "websocket-json")


async def opened(live: Stream, **fields: Any) -> Json:
    """Open a session; the service's answer."""
    await live.send({"open": {"model": "causal", "image_size": [1000, 800], "fps": 20, **fields}})
    answer: Json = (await live.receive())["opened"]
    return answer


async def lifted(live: Stream, frames: Sequence[Frame]) -> list[Json]:
    """Send frames, each after the answer to the one before."""
    answers = []
    for frame in frames:
        await live.send({"frame": as_json(frame)})
        answers.append((await live.receive())["pose"])
    return answers


class Requests:
    """Sessions over plain requests."""

    def __init__(self, service: Any, key: str | None = None) -> None:
        headers = {"authorization": f"Bearer {key}"} if key else {}
        self._client = httpx.AsyncClient(base_url=service.url, headers=headers, timeout=TIMEOUT_S)

    async def __aenter__(self) -> "Requests":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def open(self, **fields: Any) -> httpx.Response:
        body = {"model": "causal", "image_size": [1000, 800], "fps": 20, **fields}
        return await self._client.post("/v1/sessions", json=body)

    async def frames(
        self, session_id: str, frames: Sequence[Frame], **fields: Any
    ) -> httpx.Response:
        body = {"frames": [as_json(frame) for frame in frames], **fields}
        return await self._client.post(f"/v1/sessions/{session_id}/frames", json=body)

    async def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        return await self._client.request(method, path, **options)


def assert_equal(found: Sequence[Json], expected: Sequence[Json]) -> None:
    """The same frames, with the same people in the same poses to a tenth of a millimetre."""
    assert [answer["index"] for answer in found] == [answer["index"] for answer in expected]
    for one, other in zip(found, expected, strict=True):
        people = {person["track_id"]: person for person in one["people"]}
        assert sorted(people) == sorted(person["track_id"] for person in other["people"])
        for person in other["people"]:
            twin = people[person["track_id"]]
            assert twin["quality"] == person["quality"]
            assert (twin["pose"] is None) == (person["pose"] is None)
            if person["pose"] is not None:
                np.testing.assert_allclose(twin["pose"], person["pose"], atol=1e-4)


def _to_protobuf(message: Json) -> messages.LiftStreamRequest:
    ((kind, content),) = message.items()
    if kind == "frame":
        people = [
            messages.Person(
                track_id=person["track_id"],
                keypoints=np.array(person["keypoints"], np.float32).ravel().tolist(),
            )
            for person in content["people"]
        ]
        frame = messages.Frame(index=content["index"], people=people)
        return messages.LiftStreamRequest(frame=frame)
    fields = dict(content)
    if "when_behind" in fields:
        fields["when_behind"] = "WHEN_BEHIND_" + fields["when_behind"].upper()
    return ParseDict({kind: fields}, messages.LiftStreamRequest())


def _from_protobuf(message: messages.LiftStreamResponse) -> Json:
    if message.WhichOneof("message") != "pose":
        content: Json = MessageToDict(
            message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
        )
        for part in content.values():
            part["next_index"] = int(part["next_index"])
        return content
    pose = message.pose
    people = [
        {
            "track_id": person.track_id,
            "pose": np.array(person.pose).reshape(-1, 3) if person.pose else None,
            "quality": _QUALITY[person.quality],
            **({"problem": MessageToDict(person.problem)} if person.HasField("problem") else {}),
        }
        for person in pose.people
    ]
    answer: Json = {"index": pose.index, "people": people}
    if pose.warnings:
        answer["warnings"] = [{"code": each.code} for each in pose.warnings]
    if pose.HasField("durable"):
        answer["durable"] = pose.durable
    if pose.HasField("problem"):
        answer |= {"problem": MessageToDict(pose.problem), "next_index": pose.next_index}
    return {"pose": answer}
