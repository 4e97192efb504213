"""Replicas of the service's live half in this process, and people walking through their frames."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from prometheus_client import CollectorRegistry

from poselift.runtime.clip import ClipModel
from poselift.runtime.onnx_session import RunOptions
from service.batcher import Batcher
from service.live.frames import Frame, FramePoses, Person
from service.live.live_model import LiveModel
from service.live.registry import LiveSessions
from service.live.session import LiveSession, LiveSettings
from service.live.store import SessionStore
from service.live.store_server import StoreServer
from service.metrics import Metrics
from service.requests import SessionOptions
from service.served_models import Batching, ModelSet, ServedModel, model_folders
from tests.models import Floats, person_clip

SIZE = (1000.0, 800.0)


@asynccontextmanager
async def replica(
    models: Path,
    server: str | StoreServer,
    settings: LiveSettings | None = None,
    capacity: int = 64,
    expiry_s: float = 60.0,
    timeout_s: float = 1.0,
    frames_kept: int = 155,
    settle_s: float = 0.0,
    copies: int = 0,
    max_lateness: float = 1.0,
) -> AsyncIterator[LiveSessions]:
    """A replica's live sessions, running; ``server`` keeps them, and may be a URL.

    Late frames do not matter by themselves: they are late where many tests run at a time.
    """
    metrics = Metrics(CollectorRegistry())
    served: list[ServedModel] = []
    live: dict[str, LiveModel] = {}
    for folder in model_folders(models):
        clip_model = ClipModel.load(folder, "cpu", threads=1)
        served.append(ServedModel(clip_model, Batching(), metrics, folder))
        model = LiveModel.load(served[-1], RunOptions("cpu", threads=1), capacity, metrics)
        if model is not None:
            live[folder.name] = model
    limits = replace(settings or LiveSettings(), max_lateness=max_lateness)
    server = StoreServer(server) if isinstance(server, str) else server
    store = SessionStore(server, expiry_s, frames_kept, timeout_s, copies, settle_s)
    batchers: list[Batcher[Any, Any]] = [model.batcher for model in served]
    batchers += [batcher for model in live.values() for batcher in model.batchers]
    for batcher in batchers:
        batcher.start()
    await store.start()
    sessions = LiveSessions(ModelSet(served), live, store, limits)
    sessions.start()
    try:
        yield sessions
    finally:
        await sessions.drain()
        for batcher in batchers:
            await batcher.stop(1)
        await store.stop()


def options(**fields: Any) -> SessionOptions:
    return SessionOptions(**{"model": "causal", "image_size": SIZE, "fps": 20, **fields})


def frame(index: int, **people: Floats) -> Frame:
    """A frame with people's keypoints (J, 3) by track."""
    return Frame(index, tuple(Person(name, keypoints) for name, keypoints in people.items()))


def walks(*names: str, frames: int = 60) -> list[Frame]:
    """Frames of as many people; some joints missing here and there."""
    clips = {}
    for seed, name in enumerate(names):
        clips[name] = person_clip(frames, seed)
        lost = np.random.default_rng(seed).random(clips[name].shape[:2]) < 0.05
        clips[name][..., 2] *= ~lost
    return [frame(i, **{name: clip[i] for name, clip in clips.items()}) for i in range(frames)]


async def play(connection: LiveSession, frames: Sequence[Frame]) -> list[FramePoses]:
    """The answers to frames, those that come."""
    answers = [await connection.push(each) for each in frames]
    return [answer for answer in answers if answer is not None]


def assert_same(found: Sequence[FramePoses], expected: Sequence[FramePoses]) -> None:
    """The same frames with the same people in the same poses."""
    assert [answer.index for answer in found] == [answer.index for answer in expected]
    for one, other in zip(found, expected, strict=True):
        order = [one.track_ids.index(track_id) for track_id in other.track_ids]
        assert sorted(one.track_ids) == sorted(other.track_ids)
        np.testing.assert_array_equal(one.poses.quality[order], other.poses.quality)
        np.testing.assert_allclose(one.poses.poses[order], other.poses.poses, atol=1e-4)
