"""The commands of ``training.prepare``, each of which writes one file of motion or recordings."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from cyclopts import Parameter
from pydantic import Field

from training.command import List, Options
from training.config.mixture import GROUPS
from training.data.datasets import amass, cmu, hdm05, plain, uiprmd, videopose3d_files
from training.data.datasets.archives import CMU_SITE, download, opened
from training.data.datasets.joining import join
from training.data.datasets.knees import straighten
from training.data.datasets.marked_people import residual_table
from training.data.datasets.preparation import Rejection
from training.data.datasets.prepared import MotionSet, RecordingSet
from training.data.datasets.synthetic_recordings import render_recordings

Names = Annotated[tuple[str, ...], Parameter(consume_multiple=True), *List]
"""Names that follow an option one after the other, or with commas between them."""
Rate = Annotated[float, Field(ge=1, le=1000, description="Frames per second.")]
Output = Annotated[Path, Field(description="The file to write.")]
Paths = Annotated[
    tuple[Path, ...],
    Parameter(negative=""),
    Field(
        description="A folder (searched to its depth), a zip or tar archive, or a file; may be "
        "repeated."
    ),
]


class _MotionOptions(Options):
    fps: Rate = 50.0
    held_out: Names = ()
    """Whole subjects to keep from training."""


class CmuOptions(_MotionOptions):
    """Options of ``cmu``."""

    source: Paths = ()
    download: Names | None = None
    """Fetch these clips (02_01 …) with their skeletons, or, with none named, the whole database as
    one archive, and use them as a source; an interrupted download is resumed."""
    download_to: Path = Path("data/cmu")
    """Folder of downloads."""
    base_url: str = CMU_SITE
    """Where to download from."""
    held_out: Names = cmu.HELD_OUT
    """Whole subjects to keep from training."""
    output: Output = Path("data/cmu.npz")


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
        _write_motion(*prepared, options, options.output)


def _downloaded(options: CmuOptions) -> list[Path]:
    """The sources that a download leaves: the clips' folder, or the archive."""
    if options.download is None:
        return []
    files = download(options.download_to, list(options.download), options.base_url)
    return [options.download_to / "subjects"] if options.download else files


class _AmassOptions(_MotionOptions):
    source: Paths
    body_model: Path
    """Of SMPL-H or SMPL (.npz), from its makers."""
    output: Output = Path("data/amass.npz")


def prepare_amass(*, options: _AmassOptions) -> None:
    """Prepare AMASS: poses of one body model from many laboratories.

    Pose the joints of the body model; check every clip; map it to the joints of Human3.6M and five
    points of the face, in metres, y up; write one file. A clip's folder is its subject. What fails
    a check is left out and reported.
    """
    body = amass.read_body_model(options.body_model)
    with opened(options.source) as places:
        prepared = amass.prepare(places, body, options.fps, options.held_out)
        _write_motion(*prepared, options, options.output)


class _UiprmdOptions(_MotionOptions):
    source: Path
    """Arrays of markers (.npz), or a folder that has the file in it."""
    held_out: Names = uiprmd.HELD_OUT
    """Whole subjects to keep from training."""
    output: Output = Path("data/uiprmd.npz")


def prepare_uiprmd(*, options: _UiprmdOptions) -> None:
    """Prepare UI-PRMD: rehabilitation exercises as optical markers.

    Compute joint centres from the markers of the Plug-in-Gait set by published regressions, and fit
    a skeleton whose bones keep their lengths; join repetitions that are continuous; check every
    clip; write one file. What fails a check is left out and reported, and so is by how much
    joints were moved for the skeleton's sake.
    """
    motions, rejections, fits = uiprmd.prepare(options.source, options.fps, options.held_out)
    for line in residual_table(fits):
        print(line)
    _write_motion(motions, rejections, options, options.output)


class _Hdm05Options(Options):
    source: Paths
    fps: Rate = 50.0
    output: Output = Path("data/hdm05.npz")


def prepare_hdm05(*, options: _Hdm05Options) -> None:
    """Prepare HDM05, for evaluation alone: every clip is held out.

    Read ASF/AMC; check every clip; map it to the joints of Human3.6M and five points of the face,
    in metres, y up; write one file. What fails a check is left out and reported.
    """
    with opened(options.source) as places:
        motions, rejections = hdm05.prepare(places, options.fps)
    held_out = tuple(sorted(set(motions.subjects)))
    settings = _MotionOptions(fps=options.fps, held_out=held_out)
    _write_motion(motions, rejections, settings, options.output)


class JoinOptions(Options):
    """Options of ``join``."""

    output: Output = Path("data/join.npz")


def prepare_join(*files: Path, options: JoinOptions = JoinOptions()) -> None:
    """Join prepared files of motion: all of their clips in one, held out as they were.

    Args:
        files: Files of motion that this command wrote; the attributions of all are kept.
        options: of the command.
    """
    if not files:
        raise ValueError("expected files of motion to join")
    motions = join(files)
    _write_motion(motions, [], _MotionOptions(fps=motions.fps), options.output)


class StraightenOptions(Options):
    """Options of ``straighten``."""

    held_out: bool = False
    """Straighten held-out clips too: errors on them are not those on the file as it was."""
    output: Output = Path("data/straighten.npz")


def prepare_straighten(file: Path, /, *, options: StraightenOptions = StraightenOptions()) -> None:
    """Straighten the knees of skeletons that were fitted with legs too long.

    See by how much the knees of each subject are bent while they stand, or at their straightest
    while they walk, and shorten the legs until they stand on straight ones.

    Args:
        file: A file of motion that this command wrote.
        options: of the command.
    """
    found = straighten(MotionSet.load(file), options.held_out)
    for subject, angle in found.standing.items():
        print(f"{subject}: stands with knees bent by {np.degrees(angle):.0f}°")
    motions = found.motions
    _write_motion(motions, [], _MotionOptions(fps=motions.fps), options.output)


class _PositionsOptions(_MotionOptions):
    source: Path
    """Arrays (.npz), as above."""
    output: Output = Path("data/positions.npz")


def prepare_positions(*, options: _PositionsOptions) -> None:
    """Prepare positions of named joints, from anywhere.

    Read the arrays positions (frames, joints, 3) in metres, y up; joint_names, with all 17 of
    Human3.6M and, where known, the five of the face; clip_ends, one past the last frame of each
    clip; names; fps; and, where known, the subjects and actions of the clips. Check every clip;
    write one file. What fails a check is left out and reported.
    """
    prepared = plain.prepare(options.source, options.fps, options.held_out)
    _write_motion(*prepared, options, options.output)


def _write_motion(
    motions: MotionSet, rejections: Iterable[Rejection], options: _MotionOptions, output: Path
) -> None:
    """Write the file, and say what is in it and what was left out."""
    motions.save(output)
    for rejection in rejections:
        print(f"left out: {rejection.clip.name} ({rejection.clip.source}): {rejection.reason}")
    frames: dict[str, Counter[str]] = defaultdict(Counter)
    rows = zip(motions.sources, motions.held_out, motions.lengths.tolist(), strict=True)
    for source, is_held_out, length in rows:
        frames[source].update({"held out" if is_held_out else "training": length, "clips": 1})
    for source, count in frames.items():
        print(
            f"{source}: {count['clips']} clips, {count['training']} frames for training, "
            f"{count['held out']} held out"
        )
    for line in _minutes_by_group(motions):
        print(line)
    total = len(motions.positions)
    kept = sum(count["held out"] for count in frames.values())
    print(
        f"all: {len(motions)} clips, {total} frames at {motions.fps:g} fps "
        f"({total / motions.fps / 60:.0f} min), {kept} ({kept / total:.1%}) held out"
    )
    if absent := set(options.held_out) - set(motions.subjects):
        print(f"held-out subjects not in the sources: {' '.join(sorted(absent))}")
    print(f"written: {output}")


def _minutes_by_group(motions: MotionSet) -> Iterator[str]:
    """A line for each group of actions that is there."""
    groups = np.array(motions.groups)
    for group in GROUPS:
        lengths, held_out = motions.lengths[groups == group], motions.held_out[groups == group]
        minutes = [lengths[side].sum() / motions.fps / 60 for side in (~held_out, held_out)]
        if any(minutes):
            yield f"{group}: {minutes[0]:.1f} min for training, {minutes[1]:.1f} held out"


class _H36mOptions(Options):
    positions: Path
    """True positions: data_3d_h36m.npz."""
    keypoints: Path
    """What a detector found: data_2d_h36m_….npz."""
    cameras: Path
    """Human3.6M's own metadata.xml, or JSON, as above."""
    held_out: Names = videopose3d_files.HELD_OUT
    """Subjects to keep from training."""
    output: Output = Path("data/h36m.npz")


def prepare_h36m(*, options: _H36mOptions) -> None:
    """Prepare Human3.6M from the files of the paper's authors.

    Read positions and keypoints and transform the positions to the axes of each camera.

    The cameras in JSON: {subject: [{"name", "image_size" [w, h], "orientation" [w, x, y, z] of the
    camera in the world, "translation" [x, y, z] in metres}, …]} in the order of the keypoints; with
    "focal_length" and "principal_point" [x, y] in pixels, "radial" [k1, k2, k3] and "tangential"
    [p1, p2] where known.
    """
    files = options.positions, options.keypoints, options.cameras
    _write_recordings(*videopose3d_files.read_h36m(*files, options.held_out), options.output)


class _HumanEvaOptions(Options):
    positions: Path
    """True positions: data_3d_humaneva15.npz."""
    keypoints: Path
    """What a detector found: data_2d_humaneva15_….npz."""
    cameras: Path
    """JSON, as for ``h36m``; subjects as S1, or Train/S1."""
    actions: Names = ("",)
    """Only actions that begin so, as Walk Jog Box; all if not given."""
    output: Output = Path("data/humaneva.npz")


def prepare_humaneva(*, options: _HumanEvaOptions) -> None:
    """Prepare HumanEva-I from the files of the paper's authors.

    Read positions and keypoints and transform the positions to the axes of each camera. Train/… is
    trained on, Validate/… is held out.

    The cameras in JSON are written as for ``h36m``.
    """
    files = options.positions, options.keypoints, options.cameras
    _write_recordings(*videopose3d_files.read_humaneva(*files, options.actions), options.output)


class _CustomOptions(Options):
    keypoints: Path
    """What a detector found: data_2d_custom_….npz."""
    fps: Rate = 50.0
    focal_length: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    """Of all cameras, in pixels; they then count as known: without distortion, centred."""
    output: Output = Path("data/custom.npz")


def prepare_custom(*, options: _CustomOptions) -> None:
    """Prepare keypoints of your own videos, of unknown poses, for semi-supervised training."""
    recordings = videopose3d_files.read_custom(options.keypoints, options.fps, options.focal_length)
    _write_recordings(recordings, [], options.output)


class _SyntheticOptions(Options):
    motion: Path
    """Prepared motion."""
    noise: Annotated[float, Field(ge=0, le=10)] = 1.0
    """Level of the simulated detector noise: with 0 every joint is found where it is."""
    seed: int = 0
    """Of the noise."""
    keypoint_format: Literal["h36m17", "coco17"] = "h36m17"
    """What is detected."""
    output: Output = Path("data/synthetic.npz")


def prepare_synthetic(*, options: _SyntheticOptions) -> None:
    """Project prepared motion by four still cameras like Human3.6M's.

    Every clip is projected from four corners, once, and simulated detector noise is added.
    """
    motions = MotionSet.load(options.motion)
    rng = np.random.default_rng(options.seed)
    recordings = render_recordings(motions, options.noise, rng, options.keypoint_format)
    _write_recordings(recordings, [], options.output)


def _write_recordings(recordings: RecordingSet, left_out: Sequence[str], output: Path) -> None:
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
    print(f"written: {output}")


COMMANDS: Mapping[str, Callable[..., None]] = {
    "cmu": prepare_cmu,
    "amass": prepare_amass,
    "uiprmd": prepare_uiprmd,
    "hdm05": prepare_hdm05,
    "join": prepare_join,
    "straighten": prepare_straighten,
    "positions": prepare_positions,
    "h36m": prepare_h36m,
    "humaneva": prepare_humaneva,
    "custom": prepare_custom,
    "synthetic": prepare_synthetic,
}
