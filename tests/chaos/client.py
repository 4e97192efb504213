"""A client of live sessions: one after the other, over connections that come and go."""

import asyncio
import math
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import count
from random import Random
from typing import Any

import grpc.aio
import httpx
import numpy as np
from websockets.exceptions import WebSocketException

from tests.chaos.clips import FPS, SIZE, Clip
from tests.chaos.tally import Tally
from tests.chaos.world import Replica, World
from tests.live.clients import TRANSPORTS, Ended, Json, Requests, Stream, as_json, stream

_PATIENCE_S = 180.0
"""After how long without progress frames count as unanswered."""
_HELD_S = 5.0
"""How long at least a replica holds a session after a single request."""
_MOST_IN_FLIGHT = 4
_LONGEST_S = 60.0
_INTERNAL = "inside the service"
_BROKEN = (
    Ended,
    OSError,
    TimeoutError,
    grpc.aio.AioRpcError,
    httpx.HTTPError,
    WebSocketException,
)


class Broken(Exception):
    """The connection ended; the session goes on by another."""


class Client:
    """Lives through sessions one after the other.

    Faults may ask it to be quiet (``hushed``), to leave and wait (``parked``), to connect elsewhere
    (``must_move``), or not to (``stays``). It rests for ``rest_s`` after every message.
    """

    def __init__(
        self, number: int, world: World, tally: Tally, clips: Sequence[Clip], rest_s: float
    ) -> None:
        self._number = number
        self._world = world
        self._tally = tally
        self._clips = clips
        self._rest_s = rest_s
        self._random = Random(world.random.random())
        self._ids = count()
        self.hushed = self.parked = self.must_move = self.stays = False
        self.may_rewind = False
        """Whether what it has been answered may be gone: no replica had it."""
        self.replica: Replica | None = None
        """Which it is connected to, or was last."""
        self._connection: asyncio.Task[None] | None = None
        self.is_connected = False
        """Whether a replica holds its session for it."""
        self.session_id = ""
        self.durable_upto = self.sent_upto = 0
        """Which of the session's frames are durable, and were sent: those before an index."""
        self._begin()

    @property
    def is_safe(self) -> bool:
        """Whether somebody besides the store has what it was told is durable."""
        return not self.durable_upto or (self.is_connected and not self._is_let_go)

    @property
    def _is_let_go(self) -> bool:
        """Whether its replica may be about to let go of the session: no caller asks for it."""
        quiet_s = asyncio.get_running_loop().time() - self._asked_at
        return not self.is_streaming and quiet_s > _HELD_S

    @property
    def is_through(self) -> bool:
        """Whether its session may be closed at any time."""
        return self.durable_upto >= len(self._clip.frames)

    @property
    def is_streaming(self) -> bool:
        """Whether it sends its frames over one connection, not by requests."""
        return self._transport != "requests"

    @property
    def _must_stay(self) -> bool:
        return self.stays or self._world.is_still

    def interrupt(self) -> None:
        """End the connection at once, whatever it waits for."""
        if self._connection is not None:
            self._connection.cancel()

    async def open_elsewhere(self) -> Callable[[], bool]:
        """Open its session by another connection, to any replica, and leave it.

        What is returned says whether it has the session again: until then no replica may.
        """
        session_id, opened_at = self.session_id, -math.inf
        replica = self._random.choice(self._world.up())
        assert replica.service is not None
        with suppress(*_BROKEN):
            async with stream(replica.service, TRANSPORTS[0]) as other:
                await other.send({"open": self._opening})
                if "opened" in await other.receive():
                    opened_at = asyncio.get_running_loop().time()
        return lambda: self.session_id != session_id or self._opened_s > opened_at

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._begin()
            await self._live()

    def _begin(self) -> None:
        self._clip = self._random.choice(self._clips)
        self.session_id = f"c{self._number}-{next(self._ids)}"
        self._suffix = f"-{self.session_id}"
        self._transport = self._random.choice((*TRANSPORTS, "requests"))
        self.durable_upto = self.sent_upto = 0
        self.may_rewind = False
        self._is_untold_of = 0
        """From which frame on the stream was rewound, which it has yet to say."""
        self._answered: set[int] = set()
        self._broken_by = ""
        self._opened_s = 0.0
        self._asked_at = self._progress_at = 0.0

    # A session

    async def _live(self) -> None:
        """One session, to its last frame."""
        loop = asyncio.get_running_loop()
        self._progress_at = loop.time()
        wanted = len(self._clip.frames) - self._clip.lookahead
        while len(self._answered) < wanted:
            if loop.time() > self._progress_at + _PATIENCE_S:
                left = wanted - len(self._answered)
                note = f"{self.session_id} ({self._transport}) from {len(self._answered)}"
                self._tally.add("unanswered", left, note)
                return
            while self.parked:
                self._progress_at = loop.time()
                await asyncio.sleep(0.02)
            connect = self._by_requests if self._transport == "requests" else self._by_stream
            self._connection = asyncio.create_task(connect())
            try:
                await asyncio.wait({self._connection})
                self._check_end(self._connection)
            finally:
                self._connection.cancel()
                self._connection, self.is_connected = None, False
            await asyncio.sleep(self._random.uniform(0, 0.1))

    def _check_end(self, connection: "asyncio.Task[None]") -> None:
        error = None if connection.cancelled() else connection.exception()
        self._broken_by = repr(error)
        if error is None or isinstance(error, Broken):
            return
        if not isinstance(error, _BROKEN):
            raise error
        self._check_error(error)

    def _check_error(self, error: BaseException) -> None:
        if _INTERNAL in str(error):
            self._tally.add("errors", note=f"{self.session_id} ({self._transport}): {error}")

    def _some_replica(self) -> Replica:
        up = self._world.up()
        if not up:
            raise Broken("no replica")
        others = [each for each in up if each is not self.replica]
        self.replica = self._random.choice(others if others and self.must_move else up)
        self.must_move = False
        self._tally.add("reopened")
        return self.replica

    @property
    def _opening(self) -> Json:
        how = {"image_size": SIZE, "fps": FPS, "session_id": self.session_id}
        return how | self._clip.options

    # Over a stream

    async def _by_stream(self) -> None:
        replica = self._some_replica()
        assert replica.service is not None
        opening = stream(replica.service, self._transport)
        async with asyncio.timeout(_LONGEST_S):
            live = await opening.__aenter__()
        try:
            await live.send({"open": self._opening})
            await self._stream(live, self._opened_at(await live.receive()))
        finally:
            self.is_connected = False  # its replica may let go of the session from here on
            await self._leave(opening)

    async def _leave(self, opening: Any) -> None:
        with suppress(*_BROKEN):
            async with asyncio.timeout(_LONGEST_S):
                await opening.__aexit__(None, None, None)

    async def _stream(self, live: Stream, start: int) -> None:
        """Push frames, several at a time, and look at their answers."""
        wanted, ahead = len(self._clip.frames), self._clip.lookahead
        in_flight, budget = self._random.randint(1, _MOST_IN_FLIGHT), self._random.randint(20, 400)
        expected: deque[int] = deque()
        index = self._first(start, 0)
        while not self.parked and not self.must_move:
            is_done = index >= wanted or (budget <= 0 and not self._must_stay)
            if len(expected) < in_flight and not is_done and not self.hushed:
                await self._pause()
                if index >= start:
                    self.sent_upto = max(self.sent_upto, index + 1)
                await live.send({"frame": as_json(self._clip.frame(index, self._suffix))})
                if index >= start:
                    expected += [index - ahead] if index >= ahead else []
                elif index < start - ahead:  # sent again, and answered itself
                    expected.append(index)
                index, budget = index + 1, budget - 1
            elif expected:
                said = await live.receive()
                if "notice" in said:
                    raise Broken(said["notice"])
                self._answered_with(said["pose"], expected.popleft())
            elif is_done:
                break
            else:
                await self._stay_quiet()
        if index >= wanted and not expected and not self.parked:
            await self._close(live)

    def _first(self, next_index: int, ahead: int) -> int:
        """The frame to send first: the one before which all are answered, or the next."""
        unanswered = (i for i in range(next_index) if i not in self._answered)
        return min(next_index, next(unanswered, next_index) + ahead)

    async def _close(self, live: Stream) -> None:
        """Have the session forgotten; the last answers come before."""
        await live.send({"close": {}})
        for index in range(len(self._clip.frames) - self._clip.lookahead, len(self._clip.frames)):
            said = await live.receive()
            if "pose" in said:
                self._answered_with(said["pose"], index)
        with suppress(Ended):
            await live.receive()

    # Over requests

    async def _by_requests(self) -> None:
        replica = self._some_replica()
        assert replica.service is not None
        async with Requests(replica.service) as requests:
            opened = await requests.open(**self._opening)
            self._check_status(opened)
            start = self._opened_at({"opened": opened.json()})
            index, budget = self._first(start, self._clip.lookahead), self._random.randint(2, 20)
            while index < len(self._clip.frames) and (budget > 0 or self._must_stay):
                if await self._is_asked_to_leave(requests):
                    return
                await self._pause()
                index = await self._request(requests, index, self._random.randint(1, 16))
                budget -= 1
            if index >= len(self._clip.frames):
                await requests.ask("DELETE", f"/v1/sessions/{self.session_id}")

    async def _request(self, requests: Requests, index: int, count: int) -> int:
        """Send so many frames; the index that is next."""
        end = min(index + count, len(self._clip.frames))
        sent = [self._clip.frame(each, self._suffix) for each in range(index, end)]
        self.sent_upto = max(self.sent_upto, end)
        answer = await requests.frames(self.session_id, sent)
        self._check_status(answer)
        self._asked_at = asyncio.get_running_loop().time()
        content = answer.json()
        first = max(index - self._clip.lookahead, 0)
        for place, said in enumerate(content["frames"], first):
            self._answered_with(said, place)
        return end

    def _check_status(self, answer: httpx.Response) -> None:
        if answer.is_success:
            return
        if answer.status_code == 500:
            self._tally.add("errors", note=f"{self.session_id}: {answer.text}")
        if answer.status_code == 404 and not self.may_rewind:
            self._tally.add("lost", self.durable_upto, f"{self.session_id}: 404")
        raise Broken(f"{answer.status_code} {answer.text}")

    # What is checked

    def _opened_at(self, said: Json) -> int:
        """Where the session is, as the answer to its opening says."""
        if "opened" not in said:
            raise Broken(said)
        next_index = int(said["opened"]["next_index"])
        if next_index > self.sent_upto:
            self._tally.add("foreign", note=f"{self.session_id}: at {next_index}")
        gone = max(self.durable_upto - next_index, 0)
        self._is_untold_of = next_index if gone and self.is_streaming else 0
        if gone and not self.may_rewind:
            note = f"{self.session_id} ({self._transport}): {next_index} of {self.durable_upto}"
            self._tally.add("lost", gone, f"{note}; before: {self._broken_by}")
        elif gone:
            self._tally.add("rewound", gone)
        self.may_rewind = False
        self._asked_at = self._opened_s = asyncio.get_running_loop().time()
        self.durable_upto = min(self.durable_upto, next_index)
        self.is_connected = True
        return next_index

    def _answered_with(self, said: Json, index: int) -> None:
        where = f"{self.session_id} ({self._transport}) frame {index}"
        if "problem" in said:
            raise Broken(said["problem"])
        self._progress_at = asyncio.get_running_loop().time()
        self._tally.add("answers")
        if self._clip.lookahead:
            self._tally.add("later")
        if int(said["index"]) != index:
            self._tally.add("wrong", note=f"{where}: answered {said['index']}")
            raise Broken(f"answered {said['index']}")
        self._answered.add(index)
        self._check_told(said, index, where)
        if said.get("durable", True):
            acknowledged = min(index + 1 + self._clip.lookahead, self.sent_upto)
            self.durable_upto = max(self.durable_upto, acknowledged)
        else:
            self._tally.add("not durable")
        self._compare(said["people"], index, where)

    def _check_told(self, said: Json, index: int, where: str) -> None:
        """See that a session that was rewound says so with its first new answer."""
        if any(each["code"] == "frames_lost" for each in said.get("warnings", ())):
            self._is_untold_of = 0
        elif self._is_untold_of and index + self._clip.lookahead >= self._is_untold_of:
            self._tally.add("wrong", note=f"{where}: rewound without saying so")
            self._is_untold_of = 0

    def _compare(self, people: Sequence[Json], index: int, where: str) -> None:
        expected = self._clip.expected[index]
        found = {each["track_id"]: each for each in people if each["pose"] is not None}
        named = {f"{name}{self._suffix}": answer for name, answer in expected.items()}
        if not all(each["track_id"].endswith(self._suffix) for each in people):
            self._tally.add("foreign", note=f"{where}: {[each['track_id'] for each in people]}")
            return
        if found.keys() != named.keys():
            self._tally.add("wrong", note=f"{where}: {sorted(found)} instead of {sorted(named)}")
            return
        for track_id, (pose, quality) in named.items():
            error = float(np.abs(np.array(found[track_id]["pose"]) - pose).max())
            if error > 1e-4 or found[track_id]["quality"] != quality:
                self._tally.add("wrong", note=f"{where}: {track_id} by {1000 * error:.1f} mm")

    # What it does between frames

    async def _is_asked_to_leave(self, requests: Requests) -> bool:
        while self.hushed and not (self.parked or self.must_move):
            if self._world.is_still and self._is_let_go and self.durable_upto:
                await self._request(requests, self.durable_upto - 1, 1)
            await self._stay_quiet()
        return self.parked or self.must_move

    async def _stay_quiet(self) -> None:
        self._progress_at = asyncio.get_running_loop().time()
        await asyncio.sleep(0.02)

    async def _pause(self) -> None:
        longer_s = self._random.uniform(0, 0.5) if self._random.random() < 0.01 else 0
        if rest_s := self._rest_s + longer_s:
            await asyncio.sleep(rest_s)
