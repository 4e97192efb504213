"""Where training and evaluation get their clips from, whatever the data set is."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from poselift.cameras import Camera
from poselift.errors import InvalidInput
from poselift.formats import FORMATS
from poselift.imputation import MIN_SCORE, fill
from poselift.normalisation import ScreenCamera, normaliser
from poselift.skeletons import SKELETONS
from training.augmentation.synthetic_camera import View
from training.config.train_config import MOTION_SETTINGS, TrainConfig
from training.data.datasets.arrays import keys_of
from training.data.datasets.clips import Clips, Summary, those_of
from training.data.datasets.motion import MotionSet
from training.data.datasets.recordings import RecordingSet
from training.data.sequences import (
    PoseSequence,
    Sequences,
    filmed,
    joined,
    mirrored,
    screen_parameters,
)
from training.data.synthetic import (
    SYNTHETIC_CAMERA,
    ProjectionOptions,
    project_all,
    project_with_camera,
)

SEED = 20191118
"""Every model is measured through the same cameras and the same noise."""
EVALUATION_CAMERAS = 4
"""Of each clip of motion: a single one would make errors a matter of luck."""
CONDITIONS = {"clean": 0.0, "noisy": 1.0}
"""Noise levels of the imagined detector that motion is measured with."""
_DEFAULT_FORMAT = "coco17"
_AnyClips = TypeVar("_AnyClips", bound=Clips)


@dataclass(frozen=True)
class HeldOut:
    """A clip to measure on."""

    name: str
    subject: str
    action: str
    clip: PoseSequence


class Source(Protocol):
    """A data set, seen as a run's settings want it."""

    summary: Summary
    keypoint_format: str
    conditions: tuple[str, ...]
    """In which ways held-out clips are measured."""
    trajectory_camera: ScreenCamera | None
    """The cameras that a trajectory is learned with, where models see the screen."""

    def footage(self, rng: np.random.Generator) -> Sequences:
        """What an epoch is trained on, labelled."""
        ...

    def unlabelled(self, rng: np.random.Generator) -> Sequences | None:
        """What an epoch sees without labels, if anything."""
        ...

    def held_out(self, condition: str) -> Iterator[HeldOut]:
        """The clips kept from training, the same every time."""
        ...

    def without_poses(self) -> Iterator[HeldOut]:
        """Those whose poses nobody knows, to be lifted: their targets are NaN."""
        ...


def open_source(config: TrainConfig) -> Source:
    """Open the prepared file that a run reads.

    Raises:
        InvalidInput: it is none, or the settings do not go with it.
    """
    if "keypoints" in keys_of(config.data):
        return RecordingSource(config)
    return MotionSource(config)


@dataclass(frozen=True)
class Sides(Generic[_AnyClips]):
    """A data set parted by a run's settings."""

    labelled: _AnyClips
    unlabelled: _AnyClips
    held_out: _AnyClips

    @classmethod
    def of(cls, clips: _AnyClips, config: TrainConfig) -> "Sides[_AnyClips]":
        """Choose actions and subjects, thin out frames, and shorten what is labelled."""
        _refuse_strangers(clips, config)
        if config.downsample > 1:
            clips = clips.downsampled(config.downsample)
        if config.actions:
            clips = clips.select(those_of(clips.actions, config.actions))
        training = clips.split(held_out=False)
        is_unlabelled = np.isin(training.subjects, config.unlabelled_subjects)
        is_labelled = ~is_unlabelled
        if config.subjects:
            is_labelled &= np.isin(training.subjects, config.subjects)
        labelled = training.select(np.flatnonzero(is_labelled))
        return cls(
            labelled.shortened(config.subset) if config.subset < 1 else labelled,
            training.select(np.flatnonzero(is_unlabelled)),
            clips.split(held_out=True),
        )


def _refuse_strangers(clips: Clips, config: TrainConfig) -> None:
    """A mistyped subject would be missing without a word."""
    known = {clips.subjects[index] for index in np.flatnonzero(~clips.held_out)}
    for name in ("subjects", "unlabelled_subjects"):
        strangers = [each for each in getattr(config, name) if each not in known]
        if strangers:
            raise InvalidInput.at(
                name,
                f"subjects to train on that {config.data} has ({', '.join(sorted(known))}), "
                f"found {', '.join(strangers)}",
            )


class MotionSource:
    """Motion capture, filmed afresh by random virtual cameras."""

    conditions: tuple[str, ...] = tuple(CONDITIONS)

    def __init__(self, config: TrainConfig) -> None:
        if config.unlabelled is not None:
            raise InvalidInput.at("unlabelled", f"nothing, as {config.data} has no real keypoints")
        self._config = config
        self.keypoint_format = config.keypoint_format or _DEFAULT_FORMAT
        self.options = filming_options(config, self.keypoint_format)
        self.trajectory_camera: ScreenCamera | None = SYNTHETIC_CAMERA
        sides = Sides.of(MotionSet.load(config.data), config)
        self._labelled = sides.labelled
        self._unlabelled = sides.unlabelled
        self._held_out = sides.held_out
        self.summary = self._labelled.summary()

    def footage(self, rng: np.random.Generator) -> Sequences:
        """Every labelled clip, by so many new cameras."""
        return project_all(self._labelled, self.options, rng, self._config.views)

    def unlabelled(self, rng: np.random.Generator) -> Sequences | None:
        """The same of clips whose poses are not to be looked at."""
        if len(self._unlabelled) == 0:
            return None
        return project_all(self._unlabelled, self.options, rng, self._config.views)

    def held_out(self, condition: str) -> Iterator[HeldOut]:
        """Every clip by several cameras, which depend only on its name."""
        options = self.options.for_evaluation(CONDITIONS[condition])
        return (clip for clip, _ in evaluation_sequences(self._held_out, options))

    def without_poses(self) -> Iterator[HeldOut]:
        """None: motion is nothing but poses."""
        return iter(())


def evaluation_sequences(
    motions: MotionSet, options: ProjectionOptions
) -> Iterator[tuple[HeldOut, View]]:
    """Every clip as it is measured, by several cameras.

    They depend on its name, not on its place in the file; and on ``options``, where those vary
    poses before a camera is chosen.
    """
    for index in range(len(motions)):
        for number in range(EVALUATION_CAMERAS):
            rng = np.random.default_rng([SEED, crc32(motions.names[index].encode()), number])
            clip, view = project_with_camera(motions.clip(index), motions, options, rng)
            yield _held_out(motions, index, clip, f", camera {number + 1}"), view


def _held_out(clips: Clips, index: int, clip: PoseSequence, seen_by: str = "") -> HeldOut:
    name = f"{clips.names[index]}{seen_by}"
    return HeldOut(name, clips.subjects[index], clips.actions[index], clip)


def filming_options(config: TrainConfig, keypoint_format: str) -> ProjectionOptions:
    """How a run films its motion."""
    return ProjectionOptions(
        keypoint_format=keypoint_format,
        normalisation=config.normalisation,
        causal=config.causal,
        noise=config.noise,
        speed=config.speed,
        flip=config.flip,
        backwards=config.backwards,
        recombination=config.recombination,
        proportions=config.proportions,
        bending=config.bending,
        sitting=config.sitting,
        lying=config.lying,
        roll=config.roll,
        cut_off=config.cut_off,
    )


class RecordingSource:
    """Videos in which a detector has found keypoints."""

    conditions: tuple[str, ...] = ("detected",)

    def __init__(self, config: TrainConfig) -> None:
        _refuse_motion_settings(config)
        self._config = config
        recordings = RecordingSet.load(config.data)
        if config.keypoint_format not in {None, recordings.keypoint_format}:
            raise InvalidInput.at(
                "keypoint_format", f"{recordings.keypoint_format}, as {config.data} has"
            )
        sides = Sides.of(recordings, config)
        is_labelled = sides.labelled.labelled
        self._labelled = sides.labelled.select(np.flatnonzero(is_labelled))
        self._held_out = sides.held_out.select(np.flatnonzero(sides.held_out.labelled))
        unposed = sides.labelled.select(np.flatnonzero(~is_labelled))
        self._unposed = (
            unposed,
            sides.held_out.select(np.flatnonzero(~sides.held_out.labelled)),
        )
        others = [sides.unlabelled, *_others(config, recordings)]
        if config.trajectory or not config.projection_weight:  # else they cannot be projected
            others.append(unposed)
        self._unlabelled = [part for part in others if len(part)]
        _refuse_unknown_lenses(config, self._unlabelled)
        self.keypoint_format = recordings.keypoint_format
        self.trajectory_camera = mean_camera(self._labelled)
        self.summary = self._labelled.summary()

    def footage(self, rng: np.random.Generator) -> Sequences:
        """Every labelled video, half of them mirrored."""
        return joined(self._seen(self._labelled, rng))

    def unlabelled(self, rng: np.random.Generator) -> Sequences | None:
        """Every video without labels, or whose labels are not to be looked at."""
        if not self._unlabelled:
            return None
        return joined(clip for part in self._unlabelled for clip in self._seen(part, rng))

    def held_out(self, condition: str) -> Iterator[HeldOut]:
        """Every held-out video as it is."""
        del condition  # there is one
        yield from self._as_they_are(self._held_out)

    def without_poses(self) -> Iterator[HeldOut]:
        """Every video whose poses nobody knows, as it is."""
        for videos in self._unposed:
            yield from self._as_they_are(videos)

    def _as_they_are(self, videos: RecordingSet) -> Iterator[HeldOut]:
        for index in range(len(videos)):
            clip = recording_sequence(videos, index, self._config)
            yield _held_out(videos, index, clip)

    def _seen(self, videos: RecordingSet, rng: np.random.Generator) -> Iterator[PoseSequence]:
        inputs = FORMATS[videos.keypoint_format].mirror
        targets = SKELETONS[videos.skeleton].mirror
        for index in range(len(videos)):
            clip = recording_sequence(videos, index, self._config)
            is_flipped = self._config.flip and rng.random() < 0.5
            yield mirrored(clip, inputs, targets) if is_flipped else clip


def _refuse_motion_settings(config: TrainConfig) -> None:
    """Settings that say how to film motion mean nothing for what was filmed already."""
    for name in MOTION_SETTINGS:
        if getattr(config, name) != TrainConfig.model_fields[name].default:
            raise InvalidInput.at(name, f"nothing, as {config.data} was filmed already")


def _refuse_unknown_lenses(config: TrainConfig, unlabelled: Sequence[RecordingSet]) -> None:
    """Poses are projected to the screen through the lens; ``person`` models see past it."""
    if config.normalisation == "screen" and config.projection_weight:
        for part in unlabelled:
            unknown = np.flatnonzero(np.isnan(part.cameras).any(axis=1))
            if len(unknown):
                raise InvalidInput.at(
                    f"cameras of the unlabelled video {part.names[unknown[0]]}",
                    "known intrinsics, or --normalisation person",
                )


def _others(config: TrainConfig, labelled: RecordingSet) -> list[RecordingSet]:
    """Videos of another file, to be seen without labels."""
    if config.unlabelled is None:
        return []
    others = RecordingSet.load(config.unlabelled)
    if (others.keypoint_format, others.skeleton) != (labelled.keypoint_format, labelled.skeleton):
        raise InvalidInput.at(
            f"{config.unlabelled}, keypoint_format",
            f"that of {config.data}, {labelled.keypoint_format} to {labelled.skeleton}",
        )
    return [others.downsampled(config.downsample)]


def recording_sequence(videos: RecordingSet, index: int, config: TrainConfig) -> PoseSequence:
    """One video as the model is to see it, from the first frame in which anything was found.

    Raises:
        InvalidInput: nothing was found in all of it.
    """
    part = videos.frames(index)
    layout = FORMATS[videos.keypoint_format]
    image_size = (float(videos.image_sizes[index, 0]), float(videos.image_sizes[index, 1]))
    filled = fill(
        videos.keypoints[part],
        causal=config.causal,
        min_score=MIN_SCORE,
        max_gap_frames=part.stop - part.start,  # no frame is given up: each has a pose to learn
        format=layout,
    )
    if not filled.segments:
        raise InvalidInput.at(f"keypoints of {videos.names[index]}", "a joint that was found")
    (seen,) = filled.segments
    camera = _camera(videos.cameras[index])
    prepare = normaliser(config.normalisation, layout.joints, image_size, camera)
    inputs, inverse = prepare(filled.keypoints_TJ2[seen])
    lens = np.full(9, np.nan, np.float32)
    if camera is not None:
        screen = ScreenCamera.of(camera, image_size)
        lens = screen_parameters(screen, videos.cameras[index, 4:].tolist())
    return filmed(inputs, videos.positions[part][seen], inverse, lens)


def _camera(values_9: NDArray[np.float64]) -> Camera | None:
    """A camera for ``person`` models; Human3.6M's tangential terms are not OpenCV's, and tiny."""
    if np.isnan(values_9).any():
        return None
    fx, fy, cx, cy, k1, k2, k3, _, _ = values_9.tolist()
    return Camera((fx, fy), (cx, cy), (k1, k2, k3))


def mean_camera(videos: RecordingSet) -> ScreenCamera | None:
    """The middle of the cameras that filmed, in screen coordinates, if they are known."""
    cameras = [
        ScreenCamera.of(camera, (float(size[0]), float(size[1])))
        for camera, size in zip(map(_camera, videos.cameras), videos.image_sizes, strict=True)
        if camera is not None
    ]
    if not cameras:
        return None
    return ScreenCamera(
        _middle([camera.focal_length for camera in cameras]),
        _middle([camera.principal_point for camera in cameras]),
    )


def _middle(pairs: Sequence[tuple[float, float]]) -> tuple[float, float]:
    x, y = np.mean(pairs, axis=0)
    return float(x), float(y)
