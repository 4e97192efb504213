"""How fast a model is, in this process or at a server: clips, and people live."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import cycle
from pathlib import Path
from statistics import median
from typing import Any, Final, TypeAlias

import numpy as np

from poselift.array_types import Floats
from poselift.card import Card
from poselift.codec import Codec, ModelInput, Preprocessing, TrackMemory
from poselift.formats import FORMATS
from poselift.lifting import lift
from poselift.poses import ModelOutput, Poses
from poselift.reference_pose import REFERENCE_POSE
from poselift.runtime.clip import ClipModel
from poselift.runtime.onnx_session import RunOptions
from poselift.runtime.rings import Rings
from poselift.runtime.step import StepModel
from poselift.runtime.window import WindowModel

LIVE_FPS: Final = 30
_CALLERS: Final = 4
"""Who ask a server for clips at the same time."""
_FORMAT: Final = "coco17"
_SIZE: Final = (1000.0, 800.0)
_FEWEST_RUNS: Final = 3
_LEVELS: Final = 8
"""How many numbers of people are tried, about; the time of a trial is shared among them."""
_MOST_PEOPLE: Final = 4096
_MOST_AT_SERVER: Final = 256
"""A server limits how many are live."""


@dataclass(frozen=True)
class Speed:
    """What one model does.

    Attributes:
        clip_frames_per_s: lifted, of clips.
        clip_ms: until one clip is lifted.
        live_people: as many as are lifted live at ``LIVE_FPS``; None where it cannot.
        live_frame_ms: until a frame of one person is lifted.
    """

    model: str
    clip_frames_per_s: float
    clip_ms: float
    live_people: float | None = None
    live_frame_ms: float | None = None


@dataclass(frozen=True)
class Effort:
    """How clips are made, and how long is measured for one figure."""

    frames: int
    seconds: float


def measure_here(folder: Path, effort: Effort) -> Speed:
    """Measure a model folder in this process, from keypoints in pixels to poses.

    Raises:
        ModelError: it cannot be loaded.
    """
    model = ClipModel.load(folder)
    clip = _walking(effort.frames)
    clip_s = _typical_s(
        lambda: lift(clip, image_size=_SIZE, fps=LIVE_FPS, model=model), effort.seconds
    )
    frames_per_s = effort.frames / clip_s
    lifter = _live_lifter(folder, model.card)
    if lifter is None:
        return Speed(model.card.name, frames_per_s, 1000 * clip_s)

    def frame_s(people: int) -> float:
        frame = _frame_of(people, lifter(people), model.card)
        return _typical_s(frame, effort.seconds / _LEVELS)

    people = _people_in_time(frame_s, _MOST_PEOPLE)
    return Speed(model.card.name, frames_per_s, 1000 * clip_s, people, 1000 * frame_s(1))


def measure_at_server(client: Any, model: Any, effort: Effort) -> Speed:  # noqa: ANN401
    """Measure a model of a server by a ``Client``: round trips, from keypoints to poses.

    Clips come from one caller for ``clip_ms`` and from ``_CALLERS`` for the rest. People are in
    one session. Symmetric models are not measured live.

    Raises:
        ServerError: the server refuses, or is not there.
    """
    clip = _walking(effort.frames)

    def ask() -> None:
        client.lift(clip, image_size=_SIZE, fps=LIVE_FPS, model=model.name)

    clip_s = _typical_s(ask, effort.seconds / 2)
    frames_per_s = effort.frames * _rate(ask, effort.seconds / 2)
    if not model.causal:
        return Speed(model.name, frames_per_s, 1000 * clip_s)
    options = {"model": model.name, "image_size": _SIZE, "fps": LIVE_FPS}
    people = _people_in_time(
        lambda people: _session_frame_s(client, options, people, effort.seconds / _LEVELS),
        _MOST_AT_SERVER,
    )
    frames = _frames(1)
    with client.stream(**options) as session:
        frame_s = _typical_s(lambda: session.push(next(frames)), effort.seconds / _LEVELS)
    return Speed(model.name, frames_per_s, 1000 * clip_s, people, 1000 * frame_s)


_Frame: TypeAlias = dict[str, Floats]
"""People by track, (J, 3) each."""
_FrameLifter: TypeAlias = Callable[[Floats], ModelOutput]
"""The next frame (P, J, 2) of P people, as the model takes it, to its output."""


def _live_lifter(folder: Path, card: Card) -> Callable[[int], _FrameLifter] | None:
    """What lifts so many people live, if the model can."""
    options = RunOptions()
    stepper = StepModel.load(folder, card, options)
    if stepper is not None:
        return partial(_stepping, stepper)
    window = WindowModel.load(folder, card, options)
    if window is None:
        return None
    field = card.architecture.receptive_field
    return lambda _: lambda inputs_PJ2: window.lift(np.repeat(inputs_PJ2[:, None], field, axis=1))


def _stepping(stepper: StepModel, people: int) -> _FrameLifter:
    rings, slots = Rings(stepper.rings, people), np.arange(people)
    fresh = np.ones(people, np.bool_)

    def step(inputs_PJ2: Floats) -> ModelOutput:
        stepped = stepper.step(inputs_PJ2, fresh, rings.past(slots))
        rings.keep(slots, fresh, stepped.rows)
        fresh[:] = False
        return stepped.output

    return step


def _frame_of(people: int, lifter: _FrameLifter, card: Card) -> Callable[[], object]:
    """What lifts the next frame of so many people, as a service does it."""
    codec = Codec(ModelInput.of(card), Preprocessing(_FORMAT, _SIZE, fps=LIVE_FPS))
    memory = TrackMemory.blank(people, len(card.input.joints))
    elapsed = np.ones(people, np.int64)
    frames = _frames(people)

    def lift_next() -> Poses:
        nonlocal memory
        encoded, memory = codec.encode_next(np.stack([*next(frames).values()]), memory, elapsed)
        return codec.decode(lifter(encoded.inputs_TJ2), encoded)

    return lift_next


def _session_frame_s(
    client: Any,  # noqa: ANN401 - a Client
    options: dict[str, Any],
    people: int,
    seconds: float,
) -> float:
    """How long each frame of so many people takes, sent without waiting for answers."""
    with client.stream(**options) as session:
        begun = time.perf_counter()
        frames = _until(begun + seconds, _frames(people))
        answers = sum(1 for _ in session.lift(frames))
        return (time.perf_counter() - begun) / answers


def _until(end: float, frames: Iterator[_Frame]) -> Iterator[_Frame]:
    for number, frame in enumerate(frames):
        if number >= _FEWEST_RUNS and time.perf_counter() > end:
            return
        yield frame


def _people_in_time(frame_s: Callable[[int], float], most: int) -> float:
    """The most people whose frame takes no longer than one at ``LIVE_FPS`` may.

    Between two numbers that were measured, time is taken to grow evenly.
    """
    people, fewer, fewer_s = 1, 0, 0.0
    while (took_s := frame_s(people)) * LIVE_FPS <= 1:
        if people >= most:
            return people
        people, fewer, fewer_s = 2 * people, people, took_s
    share = (1 / LIVE_FPS - fewer_s) / (took_s - fewer_s)
    return fewer + share * (people - fewer)


def _typical_s(run: Callable[[], object], seconds: float) -> float:
    """The median time of runs that take about so long together, after a first one."""
    run()
    times: list[float] = []
    end = time.perf_counter() + seconds
    while len(times) < _FEWEST_RUNS or time.perf_counter() < end:
        begun = time.perf_counter()
        run()
        times.append(time.perf_counter() - begun)
    return median(times)


def _rate(run: Callable[[], object], seconds: float) -> float:
    """Runs per second of ``_CALLERS`` at a time."""
    begun = time.perf_counter()

    def runs(_: int) -> int:
        number = 0
        while number < _FEWEST_RUNS or time.perf_counter() < begun + seconds:
            run()
            number += 1
        return number

    with ThreadPoolExecutor(_CALLERS) as pool:
        done = sum(pool.map(runs, range(_CALLERS)))
    return done / (time.perf_counter() - begun)


def _frames(people: int) -> Iterator[_Frame]:
    """The frames of so many people without end."""
    for frame_J3 in cycle(_walking(LIVE_FPS)):
        yield {str(number): frame_J3 for number in range(people)}


def _walking(frames: int) -> Floats:
    """A person (T, J, 3) who sways once a second."""
    joints = FORMATS[_FORMAT].joints
    places = np.array([REFERENCE_POSE[joint] for joint in joints])
    phases = np.arange(2 * len(joints)).reshape(-1, 2)
    times = np.arange(frames)[:, None, None] / LIVE_FPS
    swaying = places + 0.02 * np.sin(2 * np.pi * times + phases)
    keypoints = np.ones((frames, len(joints), 3), np.float32)
    keypoints[..., :2] = np.array(_SIZE) * (0.5, 0.9) + 600 * swaying
    return keypoints
