"""Identity switches of live sessions that associate people themselves.

A recorded walker is put several times into one image: people who cross, meet and turn back or walk
in a row, one before the other. A detector lists them in any order, misses them at times, behind
each other mostly, and misplaces or misses joints. A person who goes on under another track id than
before is a switch; it may also be a new id, as after gaps that are too long to fill. The baseline
pairs greedily, nearest first by the mean distance of joints in sizes of the track, as the service
once did.

    python -m bench.association [--seeds 10] [--frames 600]
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.figures import Figure, Figures
from poselift.codec import Codec, ModelInput, Preprocessing, TrackMemory
from poselift.formats import FORMATS, convert
from poselift.imputation import MIN_SCORE, Quality
from service.live.association import FrameAssociator
from service.live.frames import Frame, Person
from service.live.records import RecordedFrame

Floats = NDArray[np.float32]
_Detection = tuple[int, Floats]
"""Who it is, and the keypoints (J, 3)."""

_CLIP = Path(__file__).parents[1] / "examples" / "walking_mediapipe.json"
_FORMAT = "coco17"
_IMAGE_WIDTH = 1920


@dataclass(frozen=True)
class Scene:
    """How people walk and are detected; lengths in pixels, of people about 370 tall."""

    people: int
    speed: float = 120.0
    """A second; each has a speed about this one."""
    apart: float = 20.0
    """How much lower in the image each walks than the one behind."""
    turns: bool = False
    """Whether they turn back where they meet, rather than cross."""
    fps: float = 30.0
    missed: float = 0.03
    """The share of detections missed, besides those of people behind others."""
    empty: float = 0.0
    """The share of frames in which no person is detected."""
    jitter: float = 3.0


SCENES = {
    "two cross": Scene(2),
    "two cross fast": Scene(2, speed=350),
    "two meet and turn back": Scene(2, speed=250, turns=True),
    "two, 10 frames a second": Scene(2, fps=10, speed=200),
    "three cross": Scene(3),
    "three, empty frames": Scene(3, empty=0.08),
    "four cross": Scene(4, speed=180),
    "four, poor detector": Scene(4, missed=0.2, jitter=8),
    "five cross": Scene(5, apart=12),
    "five, 10 frames a second": Scene(5, fps=10, speed=150),
}


class Greedy:
    """The baseline: nearest pairs first, as at commit 927f256a."""

    def __init__(self) -> None:
        self._tracks: dict[str, tuple[Floats, NDArray[np.bool_], Floats]] = {}

    def identify(self, frame: Frame) -> list[Person]:
        """The people, with the ids of the nearest tracks."""
        away = {
            (distance, row, track_id): None
            for row, person in enumerate(frame.people)
            for track_id in self._tracks
            if (distance := self._distance(person.keypoints_J3, track_id)) <= 0.5
        }
        found: dict[int, str] = {}
        for _, row, track_id in sorted(away, key=lambda pair: pair[0]):
            if row not in found and track_id not in found.values():
                found[row] = track_id
        return [
            Person(found.get(row, f"{frame.index}-{row}"), person.keypoints_J3)
            for row, person in enumerate(frame.people)
        ]

    def remember(self, recorded: RecordedFrame) -> None:
        """Take in where everyone was found."""
        tracks = {}
        for row, track_id in enumerate(recorded.track_ids):
            now, seen = recorded.state.keypoints_BJ2[row], recorded.state.seen_BJ[row]
            before, seen_before, velocity = self._tracks.get(
                track_id, (now, seen, np.zeros(2, np.float32))
            )
            if track_id in self._tracks and (both := seen & seen_before).any():
                velocity = velocity + 0.5 * ((now - before)[both].mean(axis=0) - velocity)
            tracks[track_id] = now, seen, velocity
        self._tracks = tracks

    def _distance(self, keypoints_J3: Floats, track_id: str) -> float:
        before, seen, velocity = self._tracks[track_id]
        both = seen & (keypoints_J3[:, 2] > MIN_SCORE)
        if not both.any():
            return np.inf
        size = max(float(np.linalg.norm(np.ptp(before[seen], axis=0))), 1e-6)
        away = np.linalg.norm(keypoints_J3[both, :2] - before[both] - velocity, axis=1)
        return float(away.mean() / size)


def main(arguments: Sequence[str] | None = None) -> Figures:
    """Print the switches of every scene, before and after."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--frames", type=int, default=600)
    options = parser.parse_args(arguments)
    print(f"switches per 1,000 frames, {options.seeds} seeds: greedy (baseline), now")
    all_before, all_after = np.zeros(2)
    for name, scene in SCENES.items():
        before, after = np.zeros(2)
        for seed in range(options.seeds):
            seen = list(_detections(scene, seed, options.frames))
            before += _switches(scene, seen, Greedy())
            after += _switches(scene, seen, FrameAssociator(_FORMAT, _FORMAT, MIN_SCORE))
        thousands = options.seeds * options.frames / 1000
        print(f"{name}: {before / thousands:.1f}, {after / thousands:.1f}", flush=True)
        all_before, all_after = all_before + before / thousands, all_after + after / thousands
    what, scenes = "identity switches of associated people", len(SCENES)
    unit = "per 1,000 frames"
    return [Figure(what, all_after / scenes, unit, "greedy pairs", all_before / scenes)]


def _switches(
    scene: Scene, frames: Sequence[Sequence[_Detection]], associator: Greedy | FrameAssociator
) -> int:
    """How often a person of a scene goes on under another id."""
    stepper = _Stepper(scene.fps)
    last: dict[int, str] = {}
    switches = 0
    for index, detected in enumerate(frames):
        frame = Frame(index, tuple(Person("", keypoints) for _, keypoints in detected))
        people = associator.identify(frame)
        for (person, _), identified in zip(detected, people, strict=True):
            switches += last.get(person, identified.track_id) != identified.track_id
            last[person] = identified.track_id
        associator.remember(stepper.step(index, people))
    return switches


class _Stepper:
    """What a session remembers of its tracks, without the model."""

    def __init__(self, fps: float) -> None:
        how = Preprocessing(_FORMAT, (_IMAGE_WIDTH, _IMAGE_WIDTH), fps=fps)
        self._codec = Codec(ModelInput(_FORMAT, "screen", causal=True), how)
        self._tracks: dict[str, TrackMemory] = {}

    def step(self, index: int, people: list[Person]) -> RecordedFrame:
        """Encode everyone's next frame; people gone for too long are let go."""
        found = {person.track_id: person.keypoints_J3 for person in people}
        joints = len(FORMATS[_FORMAT].joints)
        tracks = {name: TrackMemory.blank(1, joints) for name in found} | self._tracks
        if not tracks:
            return RecordedFrame.empty(index, joints)
        keypoints_PJ3 = np.zeros((len(tracks), joints, 3), np.float32)
        for row, name in enumerate(tracks):
            keypoints_PJ3[row] = found.get(name, 0)
        memory = TrackMemory.joined(list(tracks.values()))
        elapsed_P = np.ones(len(tracks), np.int64)
        encoded, after = self._codec.encode_next(keypoints_PJ3, memory, elapsed_P)
        self._tracks = {
            name: after.of(slice(row, row + 1))
            for row, name in enumerate(tracks)
            if encoded.quality_T[row] != Quality.UNKNOWN
        }
        return RecordedFrame(
            index,
            tuple(tracks),
            encoded.quality_T,
            encoded.joint_quality_TC,
            np.full(len(tracks), -1),
            memory.imputation.seen_BJ.sum(axis=1) == 0,
            encoded.measured_TJ,
            after.imputation,
            after.motion,
        )


def _detections(scene: Scene, seed: int, frames: int) -> Iterator[list[_Detection]]:
    """For each frame who is detected where, in any order."""
    random = np.random.default_rng(seed)
    places_PTJ2 = _walk(scene, random, frames)
    for index in range(frames):
        people = [
            (person, _detected(places_PTJ2[person, index], scene, random))
            for person in random.permutation(scene.people)
            if not _is_missed(person, places_PTJ2[:, index], scene, random)
        ]
        yield [] if random.random() < scene.empty else people


def _walk(scene: Scene, random: np.random.Generator, frames: int) -> Floats:
    """Where everyone's joints (people, frames, joints, 2) are: to and fro, each on an own line."""
    figure = _walker()
    time = np.arange(frames) / scene.fps
    walks = []
    for person in range(scene.people):
        speed = scene.speed * (1 if scene.turns else random.uniform(0.7, 1.3))
        width = _IMAGE_WIDTH * (0.49 if scene.turns else 0.9)
        start = 0 if scene.turns else random.uniform(0, 2 * width)
        way = (start + speed * time) % (2 * width)
        across = np.minimum(way, 2 * width - way)
        if scene.turns and person % 2:
            across = _IMAGE_WIDTH - across
        moment = (time * 30 * random.uniform(0.9, 1.1) + random.uniform(0, 300)).astype(int)
        there_and_back = np.abs(moment % (2 * len(figure) - 2) - len(figure) + 1)
        heading = np.where(way < width, 1, -1)[:, None, None]
        size = random.uniform(0.92, 1.08)
        walk = figure[there_and_back] * size * np.stack([heading, np.ones_like(heading)], -1)[:, 0]
        walk[..., 0] += across[:, None]
        walk[..., 1] += 700 + scene.apart * person
        walks.append(walk)
    return np.stack(walks).astype(np.float32)


def _walker() -> Floats:
    """The recorded walker (frames, joints, 2), the ground below the body's middle at the origin."""
    request = json.loads(_CLIP.read_text())
    clip = request["clips"][0]["keypoints"]
    frames = np.array([frame for frame in clip if frame is not None], np.float32)
    places = convert(frames, request["keypoint_format"], _FORMAT)[..., :2]
    origin = np.stack([places[..., 0].mean(axis=1), places[..., 1].max(axis=1)], axis=1)
    centred: Floats = places - origin[:, None]
    return centred


def _is_missed(person: int, places_PJ2: Floats, scene: Scene, random: np.random.Generator) -> bool:
    """By chance, and mostly if somebody nearer stands before them."""
    middles = places_PJ2[..., 0].mean(axis=1)
    nearer = places_PJ2[:, :, 1].max(axis=1) > places_PJ2[person, :, 1].max()
    hidden = bool((np.abs(middles - middles[person])[nearer] < 25).any())
    return random.random() < (0.7 if hidden else scene.missed)


def _detected(places_J2: Floats, scene: Scene, random: np.random.Generator) -> Floats:
    """A detector's keypoints (J, 3): off a little, and without some of them."""
    keypoints = np.ones((len(places_J2), 3), np.float32)
    keypoints[:, :2] = places_J2 + random.normal(0, scene.jitter, places_J2.shape)
    keypoints[random.random(len(keypoints)) < 0.05] = 0
    return keypoints


if __name__ == "__main__":
    main()
