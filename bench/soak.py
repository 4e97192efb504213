"""The service under steady load for a long time: errors, delays and memory, interval by interval.

First it is found how many clips a second callers get who wait for their answers, while live people
stream. Then clips come at a part of that rate, whether answers come or not. The first interval is
the baseline of delays and memory. Ends with status 1 if a request failed.

    python -m bench.soak [--minutes 30] [--share 0.7] [--people 10] [--fps 30] [--interval 60]
"""

import argparse
import asyncio
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import numpy as np
import orjson

import poselift
from tests.models import person_clip
from tests.serving import ServiceProcess, service_process

_MODELS = Path(__file__).parents[1] / "poselift" / "models"
_FRAMES = 27
_CALLERS = 16
_CALIBRATION_S = 20
_IMAGE = (1000, 800)


@dataclass
class Interval:
    """What callers saw for a while."""

    clip_s: list[float] = field(default_factory=list)
    frame_s: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


class Load:
    """Callers of one service; what they see is kept in ``now``."""

    def __init__(self, url: str, people: int, fps: float) -> None:
        keypoints = person_clip(_FRAMES)
        clips = [{"keypoints": keypoints.tolist()}]
        self._body = orjson.dumps({"image_size": _IMAGE, "fps": fps, "clips": clips})
        self._url = url
        self._people = people
        self._fps = fps
        self._http = httpx.AsyncClient(base_url=url, timeout=60)
        self.now = Interval()

    def next_interval(self) -> Interval:
        """What was seen since this was last asked."""
        seen, self.now = self.now, Interval()
        return seen

    async def clips_per_s(self, seconds: float) -> float:
        """How many clips callers get who each wait for their answer."""
        started, until = time.perf_counter(), time.perf_counter() + seconds

        async def caller() -> int:
            count = 0
            while time.perf_counter() < until:
                count += await self._lift()
            return count

        counts = await asyncio.gather(*(caller() for _ in range(_CALLERS)))
        return sum(counts) / (time.perf_counter() - started)

    async def send_clips(self, per_s: float, until: float) -> None:
        """Send clips at this rate until then, and wait for the last answers."""
        due, sent = time.perf_counter(), set()
        while due < until:
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            task = asyncio.create_task(self._lift())
            sent.add(task)
            task.add_done_callback(sent.discard)
            due += 1 / per_s
        await asyncio.gather(*sent)

    async def stream(self, until: float) -> None:
        """People in live sessions of their own; each has a new session every minute or so."""
        people = (self._person(number, until) for number in range(self._people))
        await asyncio.gather(*people)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def _lift(self) -> bool:
        started = time.perf_counter()
        answer = await self._http.post("/v1/lift", content=self._body, headers=_JSON)
        self.now.clip_s.append(time.perf_counter() - started)
        if answer.status_code != httpx.codes.OK:
            self.now.failures.append(f"clip: {answer.status_code} {answer.text[:200]}")
        return answer.status_code == httpx.codes.OK

    async def _person(self, number: int, until: float) -> None:
        frames = person_clip(int((60 + number) * self._fps))
        await asyncio.sleep(number / max(self._people, 1) / self._fps)
        async with poselift.AsyncClient(self._url) as client:
            while time.perf_counter() < until:
                try:
                    await self._session(client, frames, until)
                except poselift.PoseliftError as error:
                    self.now.failures.append(f"session: {error}")

    async def _session(
        self, client: poselift.AsyncClient, frames: np.ndarray, until: float
    ) -> None:
        async with client.stream(image_size=_IMAGE, fps=self._fps) as session:
            due = time.perf_counter()
            for frame in frames:
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                if due > until:
                    break
                sent = time.perf_counter()
                await session.push(frame)
                self.now.frame_s.append(time.perf_counter() - sent)
                due += 1 / self._fps


_JSON = {"content-type": "application/json"}


def main() -> int:
    """Print a line for each interval; the exit status."""
    options = _parse()
    settings = {"DEFAULT_MODEL": "symmetric243", "LIVE_MODEL": "causal243"}
    with service_process(_MODELS, **settings) as service:
        intervals = asyncio.run(_soak(service, options))
        lines = [line for line in service.log if " ERROR " in line or "Traceback" in line]
    failures = [each for interval in intervals for each in interval.failures]
    for each in [*dict.fromkeys(failures), *lines][:20]:
        print(each)
    print(
        f"{sum(len(each.clip_s) for each in intervals)} clips, "
        f"{sum(len(each.frame_s) for each in intervals)} live frames, "
        f"{len(failures)} failures, {len(lines)} errors in the log"
    )
    return int(bool(failures or lines))


async def _soak(service: ServiceProcess, options: argparse.Namespace) -> list[Interval]:
    load = Load(service.url, options.people, options.fps)
    until = time.perf_counter() + _CALIBRATION_S + options.minutes * 60
    streaming = asyncio.create_task(load.stream(until))
    await load.clips_per_s(_CALIBRATION_S / 4)
    capacity = await load.clips_per_s(_CALIBRATION_S * 3 / 4)
    rate = options.share * capacity
    print(f"capacity {capacity:.1f} clips/s beside {options.people} people; {rate:.1f} from now on")
    load.next_interval()
    sending = asyncio.create_task(load.send_clips(rate, until))
    intervals: list[Interval] = []
    while time.perf_counter() < until:
        await asyncio.sleep(min(options.interval, max(0.0, until - time.perf_counter())))
        intervals.append(load.next_interval())
        _print(len(intervals), intervals[-1], _resident_mb(service.process.pid))
    await asyncio.gather(sending, streaming)
    await load.close()
    return [*intervals, load.next_interval()]


def _print(number: int, seen: Interval, resident_mb: float) -> None:
    clips, frames = (
        np.percentile(np.array(seconds or [0.0]) * 1000, [50, 99])
        for seconds in (seen.clip_s, seen.frame_s)
    )
    print(
        f"{number}: {len(seen.clip_s)} clips, p50 {clips[0]:.0f} ms, p99 {clips[1]:.0f} ms; "
        f"{len(seen.frame_s)} frames, p50 {frames[0]:.0f} ms, p99 {frames[1]:.0f} ms; "
        f"{resident_mb:.0f} MB; {len(seen.failures)} failures",
        flush=True,
    )


def _resident_mb(pid: int) -> float:
    """Of a process and its children."""
    family = [pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]
    pages = [int(Path(f"/proc/{each}/statm").read_text().split()[1]) for each in family]
    return sum(pages) * 4096 / 1e6


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--share", type=float, default=0.7)
    parser.add_argument("--people", type=int, default=10)
    parser.add_argument("--fps", type=float, default=30)
    parser.add_argument("--interval", type=float, default=60)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
