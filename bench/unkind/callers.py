"""What callers do over bare connections, which cost them little."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import grpc
import grpc.aio

from poselift.v1 import poselift_pb2 as messages

_STREAM = "/poselift.v1.PoseLift/LiftStream"
_ANSWER_S = 120.0
HONEST, UNKIND = "honest", "unkind"
"""The keys of the two callers, who share as these two parties."""
FPS = 30


def head(key: str, size: int, path: str = "/v1/lift") -> bytes:
    """The head of a request with a JSON body of so many bytes."""
    return (
        f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
        f"x-api-key: {key}\r\ncontent-length: {size}\r\n\r\n"
    ).encode()


async def lifted(port: int, key: str, body: bytes, address: str = "127.0.0.1") -> int:
    """The status of the answer to a lift request; 0 where the connection ended instead."""
    writer = None
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0))
        writer.write(head(key, len(body)) + body)
        told = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", told.lower())
        await reader.readexactly(int(length[1]) if length else 0)
        return int(told[9:12])
    except (OSError, asyncio.IncompleteReadError):
        return 0
    finally:
        if writer is not None:
            writer.close()


async def lifts(port: int, key: str, body: bytes, seconds: float) -> dict[int, list[float]]:
    """What one caller meets who asks again and again: seconds by status."""
    met: dict[int, list[float]] = {}
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        began = time.perf_counter()
        status = await lifted(port, key, body)
        met.setdefault(status, []).append(time.perf_counter() - began)
        await asyncio.sleep(0.01)
    return met


class Refused(Exception):
    """A session was not opened, or has ended; the message is why."""


class Session:
    """A live session over gRPC, in which the same frames come again and again."""

    def __init__(self, call: Any, frames: Sequence[bytes]) -> None:  # noqa: ANN401 - grpc's
        self._call = call
        self._frames = frames
        self.next_index = 0
        self.took_s: list[float] = []
        """Of each frame, from when it was sent to its answer."""

    async def push(self) -> messages.FramePoses:
        """Send the next frame; its answer.

        Raises:
            Refused: the session has ended.
        """
        frame = messages.LiftStreamRequest.FromString(
            self._frames[self.next_index % len(self._frames)]
        )
        frame.frame.index, sent = self.next_index, time.perf_counter()
        try:
            await self._call.write(frame.SerializeToString())
            answer = await self._call.read()
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            raise Refused(await self._call.details()) from None
        if answer is grpc.aio.EOF:
            raise Refused(await self._call.details())
        told = messages.LiftStreamResponse.FromString(answer)
        if told.WhichOneof("message") != "pose":
            raise Refused(told.notice.problem.detail)
        self.next_index += 1
        self.took_s.append(time.perf_counter() - sent)
        return told.pose

    async def play(self, seconds: float, phase: float = 0.0) -> list[float]:
        """Send frames at their pace; seconds from when each was due to its answer."""
        delays = []
        began = time.perf_counter() + phase / FPS
        for number in range(int(seconds * FPS)):
            due = began + number / FPS
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            await self.push()
            delays.append(time.perf_counter() - due)
        return delays


@asynccontextmanager
async def session(
    port: int, key: str, frames: Sequence[bytes], session_id: str | None = None
) -> AsyncIterator[Session]:
    """A live session; dropped, not closed, in the end.

    Raises:
        Refused: it could not be opened.
    """
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        stream: Any = channel.stream_stream(_STREAM)
        call = stream(metadata=(("x-api-key", key),), timeout=_ANSWER_S)
        opening = messages.OpenSession(session_id=session_id, image_size=[1000, 800], fps=FPS)
        try:
            await call.write(messages.LiftStreamRequest(open=opening).SerializeToString())
            answer = await call.read()
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            raise Refused(await call.details()) from None
        if answer is grpc.aio.EOF:
            raise Refused(await call.details())
        opened = Session(call, frames)
        opened.next_index = messages.LiftStreamResponse.FromString(answer).opened.next_index
        try:
            yield opened
        finally:
            call.cancel()
