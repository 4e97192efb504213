"""Concurrent callers in a process of their own: each waits for its answer before it asks again.

Their requests are encoded once, so that callers use little of the server's processors.
"""

import asyncio
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import Literal

import numpy as np
import orjson
from numpy.typing import NDArray

from poselift.v1 import poselift_pb2 as messages

IMAGE_SIZE = (1000, 1000)


@dataclass(frozen=True)
class Request:
    """What every caller sends, again and again."""

    path: str
    content_type: str
    body: bytes

    def encoded(self) -> bytes:
        """The whole HTTP request."""
        head = (
            f"POST {self.path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: {self.content_type}"
            f"\r\naccept: {self.content_type}\r\ncontent-length: {len(self.body)}\r\n\r\n"
        )
        return head.encode() + self.body


def clip(frames: int) -> NDArray[np.float64]:
    """Keypoints of one person who moves (frames, 17, 3), in pixels, with scores.

    Of points that are no person, most are taken for outliers: that costs ten times as much to read.
    """
    from tests.models import person_clip  # noqa: PLC0415 - callers start without PyTorch

    return np.asarray(person_clip(frames), np.float64).round(2)


def lift_request(frames: int, encoding: Literal["JSON", "protobuf"]) -> Request:
    """A clip to be lifted by the service, with its defaults."""
    keypoints = clip(frames)
    if encoding == "protobuf":
        message = messages.LiftRequest(
            image_size=IMAGE_SIZE, clips=[messages.Clip(keypoints=keypoints.ravel().tolist())]
        )
        return Request("/v1/lift", "application/x-protobuf", message.SerializeToString())
    body = {"image_size": IMAGE_SIZE, "clips": [{"keypoints": keypoints.tolist()}]}
    return Request("/v1/lift", "application/json", orjson.dumps(body))


def requests_per_s(port: int, request: Request, callers: int, seconds: float) -> float:
    """How many requests are answered while they ask for so long.

    Raises:
        RuntimeError: one was not answered with 200.
    """
    command = [sys.executable, "-m", "bench.http_callers", str(port), str(callers), str(seconds)]
    done = subprocess.run(command, input=request.encoded(), capture_output=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr.decode())
    return float(done.stdout)


async def _call(port: int, callers: int, seconds: float, request: bytes) -> float:
    started = time.perf_counter()
    until = started + seconds
    counts = await asyncio.gather(*(_one_caller(port, request, until) for _ in range(callers)))
    return sum(counts) / (time.perf_counter() - started)


async def _one_caller(port: int, request: bytes, until: float) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answered = 0
    while time.perf_counter() < until:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        body = await _body(reader, head)
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError((head + body).decode(errors="replace"))
        answered += 1
    writer.close()
    return answered


async def _body(reader: asyncio.StreamReader, head: bytes) -> bytes:
    if length := re.search(rb"content-length: (\d+)", head, re.IGNORECASE):
        return await reader.readexactly(int(length[1]))
    body = b""
    while size := int(await reader.readline(), 16):  # it comes in chunks
        body += await reader.readexactly(size)
        await reader.readline()
    await reader.readline()
    return body


if __name__ == "__main__":
    PORT, CALLERS, SECONDS = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    print(asyncio.run(_call(PORT, CALLERS, SECONDS, sys.stdin.buffer.read())))
