"""The commands of ``training.prepare`` that write a file of recordings."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from training.data.datasets import custom, h36m, humaneva
from training.data.datasets.motion import MotionSet
from training.data.datasets.recordings import RecordingSet
from training.data.datasets.synthetic_recordings import render_recordings
from training.data.prepare_options import Command, file_option, rate_option


def _laboratory_options(parser: argparse.ArgumentParser, name: str, cameras: str) -> None:
    file_option(parser, "--positions", f"true positions: data_3d_{name}.npz")
    file_option(parser, "--keypoints", f"what a detector found: data_2d_{name}_….npz")
    file_option(parser, "--cameras", cameras)


_JSON = (
    'JSON, {subject: [{"name", "image_size" [w, h], "orientation" [w, x, y, z] of the camera in '
    'the world, "translation" [x, y, z] in metres}, …]} in the order of the keypoints; with '
    '"focal_length" and "principal_point" [x, y] in pixels, "radial" [k1, k2, k3] and '
    '"tangential" [p1, p2] where known'
)


def _h36m_options(parser: argparse.ArgumentParser) -> None:
    _laboratory_options(parser, "h36m", f"Human3.6M's own metadata.xml, or {_JSON}")
    parser.add_argument(
        "--held-out",
        nargs="+",
        default=list(h36m.HELD_OUT),
        metavar="SUBJECT",
        help=f"subjects to keep from training; default: {' '.join(h36m.HELD_OUT)}",
    )


def _h36m(options: argparse.Namespace) -> None:
    _write(
        *h36m.read_h36m(options.positions, options.keypoints, options.cameras, options.held_out),
        options.output,
    )


def _humaneva_options(parser: argparse.ArgumentParser) -> None:
    _laboratory_options(parser, "humaneva15", f"{_JSON}; subjects as S1, or Train/S1")
    parser.add_argument(
        "--actions",
        nargs="+",
        default=[""],
        metavar="ACTION",
        help="only actions that begin so, as Walk Jog Box; default: all",
    )


def _humaneva(options: argparse.Namespace) -> None:
    _write(
        *humaneva.read_humaneva(
            options.positions, options.keypoints, options.cameras, options.actions
        ),
        options.output,
    )


def _custom_options(parser: argparse.ArgumentParser) -> None:
    file_option(parser, "--keypoints", "what a detector found: data_2d_custom_….npz")
    rate_option(parser)
    parser.add_argument(
        "--focal-length",
        type=_length,
        metavar="PIXELS",
        help="of all cameras; they then count as known: without distortion, centred",
    )


def _length(text: str) -> float:
    length = float(text)
    if not 0 < length < np.inf:
        raise argparse.ArgumentTypeError(f"{text} is not a positive number of pixels")
    return length


def _custom(options: argparse.Namespace) -> None:
    recordings = custom.read_custom(options.keypoints, options.fps, options.focal_length)
    _write(recordings, [], options.output)


def _studio_options(parser: argparse.ArgumentParser) -> None:
    file_option(parser, "--motion", "prepared motion")
    parser.add_argument(
        "--noise",
        type=_noise,
        default=1.0,
        help="of the imagined detector: 0 finds every joint where it is; default: %(default)g",
    )
    parser.add_argument("--seed", type=int, default=0, help="of the noise; default: %(default)d")
    parser.add_argument(
        "--keypoint-format",
        choices=("h36m17", "coco17"),
        default="h36m17",
        help="what it finds; default: %(default)s",
    )


def _noise(text: str) -> float:
    level = float(text)
    if not 0 <= level <= 10:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 10")
    return level


def _studio(options: argparse.Namespace) -> None:
    motions = MotionSet.load(options.motion)
    rng = np.random.default_rng(options.seed)
    recordings = render_recordings(motions, options.noise, rng, options.keypoint_format)
    _write(recordings, [], options.output)


def _write(recordings: RecordingSet, left_out: Sequence[str], output: Path) -> None:
    recordings.save(output)
    for reason in left_out:
        print(f"left out: {reason}")
    lengths, labelled, held_out = recordings.lengths, recordings.labelled, recordings.held_out
    print(
        f"all: {len(recordings)} videos of {len(set(recordings.subjects))} subjects, "
        f"{recordings.keypoint_format} keypoints, {lengths.sum()} frames at "
        f"{recordings.fps:g} fps: {lengths[labelled & ~held_out].sum()} for training, "
        f"{lengths[~labelled & ~held_out].sum()} of unknown poses, "
        f"{lengths[held_out].sum()} held out"
    )


COMMANDS = (
    Command(
        "h36m",
        "Human3.6M, as the paper's authors prepare it",
        "Read positions and keypoints and put the positions into the axes of each camera.",
        "data/h36m.npz",
        _h36m_options,
        _h36m,
    ),
    Command(
        "humaneva",
        "HumanEva-I, as the paper's authors prepare it",
        "Read positions and keypoints and put the positions into the axes of each camera. Train/… "
        "is trained on, Validate/… is held out.",
        "data/humaneva.npz",
        _humaneva_options,
        _humaneva,
    ),
    Command(
        "custom",
        "keypoints of your own videos, for semi-supervised training",
        "Read keypoints of videos in which nobody knows the poses.",
        "data/custom.npz",
        _custom_options,
        _custom,
    ),
    Command(
        "studio",
        "prepared motion, filmed by four still cameras like Human3.6M's",
        "Film every clip from four corners, once and for all, and find keypoints in it as a "
        "detector would.",
        "data/studio.npz",
        _studio_options,
        _studio,
    ),
)
