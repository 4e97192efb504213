"""Clips of two people, and what the service answers to each of their frames."""

from dataclasses import dataclass
from typing import Any

import httpx
import numpy as np

from service.live.frames import Frame, Person
from tests.models import Floats, person_clip

FPS = 20
SIZE = [1000, 800]
_PEOPLE = ("anna", "ben")
_MOST_CLIPS = 500

Answer = dict[str, tuple[Floats, str]]
"""By person the pose and its quality, of those who have one."""


@dataclass(frozen=True)
class Clip:
    """Frames of two people, some of whose joints and frames are missing."""

    lookahead: int
    frames: list[dict[str, Floats]]
    expected: list[Answer]
    """For each frame."""

    @property
    def options(self) -> dict[str, Any]:
        """How a session for it is opened."""
        if self.lookahead:
            return {"model": "symmetric", "lookahead_frames": self.lookahead}
        return {"model": "causal"}

    def frame(self, index: int, suffix: str) -> Frame:
        """One of its frames, with people named after the session."""
        people = self.frames[index].items()
        return Frame(index, tuple(Person(f"{name}{suffix}", points) for name, points in people))


async def clips(url: str, seed: int, count: int, length: int) -> list[Clip]:
    """As many clips; every third is answered later."""
    random = np.random.default_rng(seed)
    async with httpx.AsyncClient(base_url=url, timeout=120) as client:
        return [
            await _clip(client, random, length, lookahead=6 if number % 3 == 1 else 0)
            for number in range(count)
        ]


async def _clip(
    client: httpx.AsyncClient, random: np.random.Generator, length: int, lookahead: int
) -> Clip:
    people = {name: _person(random, length) for name in _PEOPLE}
    frames = [
        {name: clip[index] for name, clip in people.items() if clip[index, :, 2].any()}
        for index in range(length)
    ]
    expected: list[Answer] = [{} for _ in range(length)]
    for name, clip in people.items():
        for index, pose, quality in await _lifted(client, clip, lookahead):
            if pose is not None:
                expected[index][name] = np.array(pose, np.float32), quality
    return Clip(lookahead, frames, expected)


def _person(random: np.random.Generator, length: int) -> Floats:
    """A person who is not detected now and then, for a moment or for long."""
    clip = person_clip(length, int(random.integers(2**31)))
    clip[..., 2] *= random.random(clip.shape[:2]) > 0.05
    for start in random.integers(1, length, length // 40):
        clip[start : start + random.choice([2, 9]), :, 2] = 0
    return clip


async def _lifted(
    client: httpx.AsyncClient, clip: Floats, lookahead: int
) -> list[tuple[int, Any, str]]:
    """Poses and qualities by frame, in the whole clip or in the one that ends so much later."""
    length = len(clip)
    if not lookahead:
        (whole,) = await _lift(client, "causal", [clip])
        return [(i, whole["poses"][i], whole["quality"][i]) for i in range(length)]
    ends = [min(index + lookahead + 1, length) for index in range(length)]
    first = next(i for i in range(length) if clip[: ends[i], :, 2].any())
    found = await _lift(client, "symmetric", [clip[:end] for end in ends[first:]])
    return [
        (index, lifted["poses"][index], lifted["quality"][index])
        for index, lifted in enumerate(found, first)
    ]


async def _lift(client: httpx.AsyncClient, model: str, clips: list[Floats]) -> list[Any]:
    sent = [
        {"keypoints": [frame.tolist() if frame[:, 2].any() else None for frame in clip]}
        for clip in clips
    ]
    body = {"model": model, "image_size": SIZE, "fps": FPS, "clips": sent}
    answer = await client.post("/v1/lift", json=body)
    answer.raise_for_status()
    lifted: list[Any] = answer.json()["clips"]
    return lifted
