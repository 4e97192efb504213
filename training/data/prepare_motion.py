"""The commands of ``training.prepare`` that write a file of motion."""

import argparse
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from training.data.datasets import amass, cmu, plain
from training.data.datasets.archives import opened
from training.data.datasets.download import CMU_SITE, download
from training.data.datasets.motion import MotionSet
from training.data.datasets.preparation import Rejection
from training.data.datasets.smpl import read_body_model
from training.data.prepare_options import Command, file_option, rate_option


def _held_out_option(parser: argparse.ArgumentParser, default: Sequence[str]) -> None:
    parser.add_argument(
        "--held-out",
        nargs="+",
        default=list(default),
        metavar="SUBJECT",
        help=f"whole subjects to keep from training; default: {' '.join(default) or 'none'}",
    )


def _source_option(parser: argparse.ArgumentParser, *, required: bool) -> None:
    parser.add_argument(
        "--source",
        type=Path,
        action="append",
        default=[],
        required=required,
        metavar="PATH",
        help="a folder (searched to its depth), a zip or tar archive, or a file; may be repeated",
    )


def _cmu_options(parser: argparse.ArgumentParser) -> None:
    _source_option(parser, required=False)
    parser.add_argument(
        "--download",
        nargs="*",
        metavar="CLIP",
        help="fetch these clips (02_01 …) with their skeletons, or, with none named, the whole "
        "database as one archive, and use them as a source; goes on where it was interrupted",
    )
    parser.add_argument(
        "--download-to",
        type=Path,
        default=Path("data/cmu"),
        metavar="DIR",
        help="default: %(default)s",
    )
    parser.add_argument(
        "--base-url", default=CMU_SITE, metavar="URL", help="where from; default: %(default)s"
    )
    rate_option(parser)
    _held_out_option(parser, cmu.HELD_OUT)


def _cmu(options: argparse.Namespace) -> None:
    sources = list(options.source)
    if options.download is not None:
        sources += _downloaded(options)
    if not sources:
        options.usage_error("give a --source or --download")
    with opened(sources) as places:
        _write(*cmu.prepare(places, options.fps, options.held_out), options)


def _downloaded(options: argparse.Namespace) -> list[Path]:
    """The sources that a download leaves: the clips' folder, or the archive."""
    files = download(options.download_to, options.download, options.base_url)
    return [options.download_to / "subjects"] if options.download else files


def _amass_options(parser: argparse.ArgumentParser) -> None:
    _source_option(parser, required=True)
    file_option(parser, "--body-model", "of SMPL-H or SMPL (.npz), from its makers")
    rate_option(parser)
    _held_out_option(parser, ())


def _amass(options: argparse.Namespace) -> None:
    body = read_body_model(options.body_model)
    with opened(options.source) as places:
        _write(*amass.prepare(places, body, options.fps, options.held_out), options)


def _positions_options(parser: argparse.ArgumentParser) -> None:
    file_option(parser, "--source", "arrays (.npz), as above")
    rate_option(parser)
    _held_out_option(parser, ())


def _positions(options: argparse.Namespace) -> None:
    _write(*plain.prepare(options.source, options.fps, options.held_out), options)


def _write(
    motions: MotionSet, rejections: Iterable[Rejection], options: argparse.Namespace
) -> None:
    motions.save(options.output)
    for fault in rejections:
        print(f"left out: {fault.clip.name} ({fault.clip.source}): {fault.reason}")
    frames: dict[str, Counter[str]] = defaultdict(Counter)
    for index, source in enumerate(motions.sources):
        side = "held out" if motions.held_out[index] else "training"
        frames[source].update({side: len(motions.clip(index)), "clips": 1})
    for source, count in frames.items():
        print(
            f"{source}: {count['clips']} clips, {count['training']} frames for training, "
            f"{count['held out']} held out"
        )
    total = len(motions.positions)
    kept = sum(count["held out"] for count in frames.values())
    print(
        f"all: {len(motions)} clips, {total} frames at {motions.fps:g} fps "
        f"({total / motions.fps / 60:.0f} min), {kept} ({kept / total:.1%}) held out"
    )
    if absent := set(options.held_out) - set(motions.subjects):
        print(f"held-out subjects not in the sources: {' '.join(sorted(absent))}")


COMMANDS = (
    Command(
        "cmu",
        "the CMU Graphics Lab Motion Capture Database",
        "Read ASF/AMC, BVH and plain positions; check every clip; map it to the "
        "joints of Human3.6M and five points of the face, in metres, y up; write one file. What "
        "fails a check is left out and reported.",
        "data/cmu.npz",
        _cmu_options,
        _cmu,
        epilog="The data's own words: \"The data used in this project was obtained from "
        'mocap.cs.cmu.edu. The database was created with funding from NSF EIA-0196217."',
    ),
    Command(
        "amass",
        "AMASS, poses of one body model from many laboratories",
        "Pose the joints of the body model; check every clip; map it to the joints of Human3.6M "
        "and five points of the face, in metres, y up; write one file. A clip's folder is its "
        "subject. What fails a check is left out and reported.",
        "data/amass.npz",
        _amass_options,
        _amass,
    ),
    Command(
        "positions",
        "positions of named joints, from anywhere",
        "Read the arrays positions (frames, joints, 3) in metres, y up; joint_names, with all 17 "
        "of Human3.6M and, where known, the five of the face; clip_ends, one past the last frame "
        "of each clip; names; fps; and, where known, the subjects and actions of the clips. Check "
        "every clip; write one file. What fails a check is left out and reported.",
        "data/positions.npz",
        _positions_options,
        _positions,
    ),
)
