"""The commands of ``training.prepare`` that write a file of motion."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from pydantic import Field

from training.command import List, Options
from training.data.datasets import amass, cmu, plain
from training.data.datasets.archives import opened
from training.data.datasets.download import CMU_SITE, download
from training.data.datasets.motion import MotionSet
from training.data.datasets.preparation import Rejection
from training.data.datasets.smpl import read_body_model

Names = Annotated[tuple[str, ...], Parameter(consume_multiple=True), *List]
"""Names that follow an option one after the other, or with commas between them."""
Rate = Annotated[float, Field(ge=1, le=1000)]
Paths = Annotated[tuple[Path, ...], Parameter(negative="")]


class _MotionOptions(Options):
    fps: Rate = 50.0
    """Frames per second."""
    held_out: Names = ()
    """Whole subjects to keep from training."""


class CmuOptions(_MotionOptions):
    """Options of ``cmu``."""

    source: Paths = ()
    """A folder (searched to its depth), a zip or tar archive, or a file; may be repeated."""
    download: Names | None = None
    """Fetch these clips (02_01 …) with their skeletons, or, with none named, the whole database as
    one archive, and use them as a source; an interrupted download is resumed."""
    download_to: Path = Path("data/cmu")
    """Folder of downloads."""
    base_url: str = CMU_SITE
    """Where to download from."""
    held_out: Names = cmu.HELD_OUT
    """Whole subjects to keep from training."""
    output: Path = Path("data/cmu.npz")
    """The file to write."""


def prepare_cmu(*, options: CmuOptions = CmuOptions()) -> None:
    """Prepare the CMU Graphics Lab Motion Capture Database.

    Read ASF/AMC, BVH and plain positions; check every clip; map it to the joints of Human3.6M and
    five points of the face, in metres, y up; write one file. What fails a check is left out and
    reported.

    The data's own words: "The data used in this project was obtained from mocap.cs.cmu.edu. The
    database was created with funding from NSF EIA-0196217."
    """
    sources = [*options.source, *_downloaded(options)]
    if not sources:
        raise ValueError("expected a --source or --download")
    with opened(sources) as places:
        prepared = cmu.prepare(places, options.fps, options.held_out)
        _write(*prepared, options, options.output)


def _downloaded(options: CmuOptions) -> list[Path]:
    """The sources that a download leaves: the clips' folder, or the archive."""
    if options.download is None:
        return []
    files = download(options.download_to, list(options.download), options.base_url)
    return [options.download_to / "subjects"] if options.download else files


class AmassOptions(_MotionOptions):
    """Options of ``amass``."""

    source: Paths
    """A folder (searched to its depth), a zip or tar archive, or a file; may be repeated."""
    body_model: Path
    """Of SMPL-H or SMPL (.npz), from its makers."""
    output: Path = Path("data/amass.npz")
    """The file to write."""


def prepare_amass(*, options: AmassOptions) -> None:
    """Prepare AMASS: poses of one body model from many laboratories.

    Pose the joints of the body model; check every clip; map it to the joints of Human3.6M and five
    points of the face, in metres, y up; write one file. A clip's folder is its subject. What fails
    a check is left out and reported.
    """
    body = read_body_model(options.body_model)
    with opened(options.source) as places:
        prepared = amass.prepare(places, body, options.fps, options.held_out)
        _write(*prepared, options, options.output)


class PositionsOptions(_MotionOptions):
    """Options of ``positions``."""

    source: Path
    """Arrays (.npz), as above."""
    output: Path = Path("data/positions.npz")
    """The file to write."""


def prepare_positions(*, options: PositionsOptions) -> None:
    """Prepare positions of named joints, from anywhere.

    Read the arrays positions (frames, joints, 3) in metres, y up; joint_names, with all 17 of
    Human3.6M and, where known, the five of the face; clip_ends, one past the last frame of each
    clip; names; fps; and, where known, the subjects and actions of the clips. Check every clip;
    write one file. What fails a check is left out and reported.
    """
    prepared = plain.prepare(options.source, options.fps, options.held_out)
    _write(*prepared, options, options.output)


def _write(
    motions: MotionSet, rejections: Iterable[Rejection], options: _MotionOptions, output: Path
) -> None:
    """Write the file, and say what is in it and what was left out."""
    motions.save(output)
    for rejection in rejections:
        print(f"left out: {rejection.clip.name} ({rejection.clip.source}): {rejection.reason}")
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
    print(f"written: {output}")
