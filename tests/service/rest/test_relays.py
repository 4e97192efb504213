"""A worker that hangs in the middle of an answer that is passed on."""

import asyncio
import socket
from contextlib import closing

import h11
from starlette.types import Message

from service.rest.connections import ABORT
from service.rest.relays import Relay


async def test_the_caller_is_let_go_when_the_rest_of_an_answer_does_not_come() -> None:
    here, there = socket.socketpair()
    ended, sent = asyncio.Event(), list[Message]()
    messages = iter([{"type": "http.request", "body": b"", "more_body": False}])

    async def receive() -> Message:
        for message in messages:
            return message
        await asyncio.Event().wait()  # the caller waits for the rest
        raise AssertionError

    async def send(message: Message) -> None:
        sent.append(message)

    with closing(there):
        reader, writer = await asyncio.open_connection(sock=here)
        there.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc")
        request = h11.Request(method="GET", target="/", headers=[("host", "localhost")])
        relay = Relay(reader, writer, longest_s=60, silent_s=0.1)
        async with asyncio.timeout(60):
            await relay.pass_on(request, {"state": {ABORT: ended.set}}, receive, send)
        writer.close()
        await writer.wait_closed()
    assert ended.is_set()
    assert [message.get("body") for message in sent] == [None, b"abc"]
