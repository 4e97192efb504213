"""Where training and evaluation get their clips from, whatever the data set is."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar
from zlib import crc32

import numpy as np

from poselift.cameras import Camera
from poselift.codec import ModelInput
from poselift.errors import InvalidInput
from poselift.formats import FORMATS
from poselift.normalisation import ScreenCamera
from poselift.skeletons import SKELETONS
from training.array_types import Doubles
from training.augmentation.synthetic_camera import SyntheticCamera
from training.config.mixture import parsed
from training.config.sections import MOTION_SETTINGS, AugmentationConfig, ModelConfig
from training.config.train_config import TrainConfig
from training.data import sequences, synthetic
from training.data.datasets.clips import Clips, keys_of, those_of
from training.data.datasets.prepared import MotionSet, RecordingSet

SEED = 20191118
"""Every model is evaluated with the same cameras and the same noise."""
EVALUATION_CAMERAS = 4
"""Of each clip of motion: the error with a single one would be a matter of luck."""
CONDITIONS = {"clean": 0.0, "noisy": 1.0}
"""Levels of simulated detector noise that motion is evaluated with."""
_DEFAULT_FORMAT = "coco17"
_AnyClips = TypeVar("_AnyClips", bound=Clips)


@dataclass(frozen=True)
class HeldOut:
    """A clip to measure on."""

    name: str
    subject: str
    action: str
    sequence: sequences.PoseSequence


def open_source(config: TrainConfig) -> "Source":
    """Open the prepared file that a run reads; `InvalidInput` if the settings do not go with it."""
    if "keypoints" in keys_of(config.dataset.data):
        return RecordingSource(config)
    return MotionSource(config)


def _sides(clips: _AnyClips, config: TrainConfig) -> tuple[_AnyClips, _AnyClips, _AnyClips]:
    """Labelled, unlabelled and held-out clips, as a run's settings choose them."""
    _refuse_strangers(clips, config)
    dataset = config.dataset
    if dataset.downsample > 1:
        clips = clips.downsampled(dataset.downsample)
    if dataset.actions:
        clips = clips.select(those_of(clips.actions, dataset.actions))
    training = clips.split(held_out=False)
    is_unlabelled = np.isin(training.subjects, config.semi_supervised.unlabelled_subjects)
    is_labelled = ~is_unlabelled
    if dataset.subjects:
        is_labelled &= np.isin(training.subjects, dataset.subjects)
    labelled = training.select(np.flatnonzero(is_labelled))
    if dataset.subset < 1:
        labelled = labelled.shortened(dataset.subset)
    return labelled, training.select(np.flatnonzero(is_unlabelled)), clips.split(held_out=True)


def _refuse_strangers(clips: Clips, config: TrainConfig) -> None:
    """A mistyped subject would be missing without a word."""
    known = {clips.subjects[index] for index in np.flatnonzero(~clips.held_out)}
    chosen = {
        "subjects": config.dataset.subjects,
        "unlabelled_subjects": config.semi_supervised.unlabelled_subjects,
    }
    for name, subjects in chosen.items():
        strangers = [each for each in subjects if each not in known]
        if strangers:
            known_text = f"{config.dataset.data} has ({', '.join(sorted(known))})"
            expected = f"subjects to train on that {known_text}, found {', '.join(strangers)}"
            raise InvalidInput.at(name, expected)


class MotionSource:
    """Motion capture, projected by new random cameras in every epoch."""

    conditions: tuple[str, ...] = tuple(CONDITIONS)
    """In which ways held-out clips are measured."""

    def __init__(self, config: TrainConfig) -> None:
        data = config.dataset.data
        if config.semi_supervised.unlabelled is not None:
            raise InvalidInput.at("unlabelled", f"nothing, as {data} has no real keypoints")
        self._cameras = config.augmentation.cameras_per_clip
        self.keypoint_format = config.model.keypoint_format or _DEFAULT_FORMAT
        self.options = synthetic.ProjectionOptions(
            keypoint_format=self.keypoint_format,
            normalisation=config.model.normalisation,
            causal=config.model.causal,
            noise=config.augmentation.noise,
            flip=config.augmentation.flip,
            augmentations=config.augmentation.registered,
            mixture=parsed(config.dataset.mixture),
        )
        self.trajectory_camera: ScreenCamera | None = synthetic.ASSUMED_SCREEN_CAMERA
        """The camera that a trajectory is learned with, for ``screen`` models."""
        self._labelled, self._unlabelled, self._held_out = _sides(MotionSet.load(data), config)
        self.summary = self._labelled.summary(uses_groups=bool(config.dataset.mixture))

    def labelled(self, rng: np.random.Generator) -> sequences.Sequences:
        """What an epoch learns from: every labelled clip, by so many new cameras."""
        return synthetic.project_all(self._labelled, self.options, rng, self._cameras)

    def unlabelled(self, rng: np.random.Generator) -> sequences.Sequences | None:
        """The same of clips whose poses are ignored, if there are any."""
        if len(self._unlabelled) == 0:
            return None
        return synthetic.project_all(self._unlabelled, self.options, rng, self._cameras)

    def held_out(self, condition: str) -> Iterator[HeldOut]:
        """Every clip by several cameras, the same ones for every model."""
        options = self.options.for_evaluation(CONDITIONS[condition])
        return (clip for clip, _ in evaluation_sequences(self._held_out, options))

    def without_poses(self) -> Iterator[HeldOut]:
        """Clips of unknown poses: none, as motion is nothing but poses."""
        return iter(())


def evaluation_sequences(
    motions: MotionSet,
    options: synthetic.ProjectionOptions,
    cameras: int = EVALUATION_CAMERAS,
) -> Iterator[tuple[HeldOut, SyntheticCamera]]:
    """Every clip as it is evaluated, by several cameras.

    The random numbers follow from its name alone; a camera also follows from the motion, as
    ``options`` augment it.
    """
    for index in range(len(motions)):
        for number in range(cameras):
            rng = np.random.default_rng([SEED, crc32(motions.names[index].encode()), number])
            sequence, camera = synthetic.project_clip(motions.clip(index), motions, options, rng)
            yield _held_out(motions, index, sequence, f", camera {number + 1}"), camera


def _held_out(
    clips: Clips, index: int, sequence: sequences.PoseSequence, camera: str = ""
) -> HeldOut:
    name = f"{clips.names[index]}{camera}"
    return HeldOut(name, clips.subjects[index], clips.actions[index], sequence)


class RecordingSource:
    """Videos in which a detector has found keypoints."""

    conditions: tuple[str, ...] = ("detected",)

    def __init__(self, config: TrainConfig) -> None:
        _refuse_motion_settings(config)
        self._config = config
        recordings = RecordingSet.load(config.dataset.data)
        if config.model.keypoint_format not in {None, recordings.keypoint_format}:
            expected = f"{recordings.keypoint_format}, as {config.dataset.data} has"
            raise InvalidInput.at("keypoint_format", expected)
        labelled, unlabelled, held_out = _sides(recordings, config)
        self._labelled, unposed = _by_labels(labelled)
        self._held_out, held_out_unposed = _by_labels(held_out)
        self._unposed = (unposed, held_out_unposed)
        others = [unlabelled, *_others(config, recordings)]
        if config.model.trajectory or not config.semi_supervised.projection_weight:
            others.append(unposed)  # else they cannot be projected
        self._unlabelled = [part for part in others if len(part)]
        _refuse_unknown_cameras(config, self._unlabelled)
        self.keypoint_format = recordings.keypoint_format
        self.trajectory_camera = mean_camera(self._labelled)
        self.summary = self._labelled.summary()

    def labelled(self, rng: np.random.Generator) -> sequences.Sequences:
        """Every labelled video, half of them mirrored."""
        return sequences.concatenated(self._flipped(self._labelled, rng))

    def unlabelled(self, rng: np.random.Generator) -> sequences.Sequences | None:
        """Every video without labels, or whose labels are ignored."""
        if not self._unlabelled:
            return None
        return sequences.concatenated(
            clip for part in self._unlabelled for clip in self._flipped(part, rng)
        )

    def held_out(self, condition: str) -> Iterator[HeldOut]:
        """Every held-out video as it is, in the one condition that there is."""
        del condition
        return self._as_they_are(self._held_out)

    def without_poses(self) -> Iterator[HeldOut]:
        """Every video of unknown poses, as it is."""
        for videos in self._unposed:
            yield from self._as_they_are(videos)

    def _as_they_are(self, videos: RecordingSet) -> Iterator[HeldOut]:
        for index in range(len(videos)):
            yield _held_out(videos, index, recording_sequence(videos, index, self._config.model))

    def _flipped(
        self, videos: RecordingSet, rng: np.random.Generator
    ) -> Iterator[sequences.PoseSequence]:
        inputs = FORMATS[videos.keypoint_format].mirror
        targets = SKELETONS[videos.skeleton].mirror
        for index in range(len(videos)):
            clip = recording_sequence(videos, index, self._config.model)
            is_flipped = self._config.augmentation.flip and rng.random() < 0.5
            yield sequences.mirrored(clip, inputs, targets) if is_flipped else clip


def _by_labels(videos: RecordingSet) -> tuple[RecordingSet, RecordingSet]:
    """Those of known poses, and those of unknown ones."""
    is_labelled = videos.labelled
    return videos.select(np.flatnonzero(is_labelled)), videos.select(np.flatnonzero(~is_labelled))


def _refuse_motion_settings(config: TrainConfig) -> None:
    """Settings that say how motion is projected mean nothing for recordings."""
    if config.dataset.mixture:
        raise InvalidInput.at("mixture", f"nothing, as {config.dataset.data} is no motion")
    defaults = AugmentationConfig()
    for name in MOTION_SETTINGS:
        if getattr(config.augmentation, name) != getattr(defaults, name):
            raise InvalidInput.at(name, f"nothing, as {config.dataset.data} has real keypoints")


def _refuse_unknown_cameras(config: TrainConfig, unlabelled: Sequence[RecordingSet]) -> None:
    """Poses are projected to the screen by the camera; ``person`` models do without it."""
    if config.model.normalisation == "screen" and config.semi_supervised.projection_weight:
        for part in unlabelled:
            unknown = np.flatnonzero(np.isnan(part.cameras).any(axis=1))
            if len(unknown):
                raise InvalidInput.at(
                    f"cameras of the unlabelled video {part.names[unknown[0]]}",
                    "known intrinsics, or --normalisation person",
                )


def _others(config: TrainConfig, labelled: RecordingSet) -> list[RecordingSet]:
    """Videos of another file, to be used without labels."""
    path = config.semi_supervised.unlabelled
    if path is None:
        return []
    others = RecordingSet.load(path).split(held_out=False)
    for name in ("keypoint_format", "skeleton", "fps"):
        known, found = getattr(labelled, name), getattr(others, name)
        if found != known:
            expected = f"that of {config.dataset.data}, {known}; found {found}"
            raise InvalidInput.at(f"{path}, {name}", expected)
    if not len(others):
        raise InvalidInput.at(str(path), "a video that is not held out")
    return [others.downsampled(config.dataset.downsample)]


def recording_sequence(
    videos: RecordingSet, index: int, model: ModelConfig
) -> sequences.PoseSequence:
    """One video as a model is given it, from the first frame with a detection on."""
    part = videos.frames(index)
    image_size = (float(videos.image_sizes[index, 0]), float(videos.image_sizes[index, 1]))
    camera = _camera(videos.cameras[index])
    joints = SKELETONS[videos.skeleton].joints
    options = ModelInput(
        videos.keypoint_format, model.normalisation, model.causal, output_joints=joints
    )
    encoded = sequences.encode(videos.keypoints[part], options, image_size, camera, videos.fps)
    if encoded is None:
        raise InvalidInput.at(f"keypoints of {videos.names[index]}", "a joint that was found")
    parameters = np.full(9, np.nan, np.float32)
    if camera is not None:
        screen = ScreenCamera.of(camera, image_size)
        parameters = sequences.screen_parameters(screen, videos.cameras[index, 4:].tolist())
    return sequences.pose_sequence(encoded, videos.positions[part][encoded.frames], parameters)


def _camera(values_9: Doubles) -> Camera | None:
    """The camera of a video, None if unknown, without p1 and p2.

    Human3.6M's tangential distortion is tiny, and not OpenCV's, which ``Camera`` has. Only
    back-projection takes it into account (``recording_sequence``).
    """
    if np.isnan(values_9).any():
        return None
    fx, fy, cx, cy, k1, k2, k3, _, _ = values_9.tolist()
    return Camera((fx, fy), (cx, cy), (k1, k2, k3))


def mean_camera(videos: RecordingSet) -> ScreenCamera | None:
    """The mean of the videos' cameras, in screen coordinates, if they are known."""
    cameras = [
        ScreenCamera.of(camera, (float(size[0]), float(size[1])))
        for camera, size in zip(map(_camera, videos.cameras), videos.image_sizes, strict=True)
        if camera is not None
    ]
    if not cameras:
        return None
    fx, fy = np.mean([camera.focal_length for camera in cameras], axis=0).tolist()
    cx, cy = np.mean([camera.principal_point for camera in cameras], axis=0).tolist()
    return ScreenCamera((fx, fy), (cx, cy))


Source = MotionSource | RecordingSource
"""A data set, as a run's settings want it."""
