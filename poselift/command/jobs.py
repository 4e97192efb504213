"""Inputs to files, one after another or several at a time; one that fails stops no other."""

from collections.abc import Iterator, Sequence
from concurrent.futures import as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from functools import partial
from inspect import signature
from pathlib import Path

from poselift.command.lifters import Lifter
from poselift.command.options import Lifting, ReadsClips
from poselift.command.outputs import Target, is_newer, write_whole
from poselift.command.writing import Overlay
from poselift.errors import PoseliftError
from poselift.lifting import lift
from poselift.poses import Poses, PoseWarning
from poselift.readers.clips import Clip, Clips
from poselift.writers.formats import write

_DIED = "a process died, perhaps for want of memory: fewer --jobs need less"


@dataclass(frozen=True)
class Job:
    """An input, and all that is to be done with it."""

    path: Path
    target: Target
    reading: ReadsClips
    lifting: Lifting
    rig: str | None = None
    resume: bool = False
    overlay: Overlay | None = None


@dataclass(frozen=True)
class Output:
    """A file of one person's poses; kept is one that was there already. An overlay is of all."""

    path: Path
    frames: int
    person: str
    warnings: tuple[PoseWarning, ...] = ()
    is_kept: bool = False


@dataclass
class Outcome:
    """What became of an input: files, and what went wrong after them, if anything."""

    path: Path
    outputs: list[Output] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    error: str | None = None


def outcomes(jobs: Sequence[Job], lifter: Lifter, workers: int) -> Iterator[Outcome]:
    """Do the jobs; outcomes come as they are ready."""
    if workers == 1 or len(jobs) == 1:
        yield from (do(lifter, job) for job in jobs)
        return
    pool = lifter.pool(min(workers, len(jobs)))
    try:
        waiting = {pool.submit(do, lifter, job): job for job in jobs}
        for future in as_completed(waiting):
            try:
                yield future.result()
            except BrokenProcessPool:
                yield Outcome(waiting[future].path, error=_DIED)
    finally:
        pool.shutdown(cancel_futures=True)


def do(lifter: Lifter, job: Job) -> Outcome:
    """Read an input, lift its clips and write a file for each."""
    outcome = Outcome(job.path)
    try:
        _do(lifter, job, outcome)
    except PoseliftError as error:
        outcome.error = error.detail
    except OSError as error:
        outcome.error = str(error)
    except MemoryError:
        outcome.error = "it needs more memory than there is"
    return outcome


def _do(lifter: Lifter, job: Job, outcome: Outcome) -> None:
    clips = job.reading.read(job.path)
    options = job.lifting.of(clips)
    outcome.notes += [*clips.notes, *_assumed(clips)]
    drawn: list[tuple[Clip, Poses]] = []
    for clip, path in zip(clips, job.target.paths([clip.id for clip in clips]), strict=True):
        if job.resume and is_newer(path, job.path):
            outcome.outputs.append(Output(path, len(clip), clip.id, is_kept=True))
            continue
        poses = lifter.lift(clip, options)
        write_whole(path, job.path, partial(write, poses=poses, rig=job.rig))
        outcome.outputs.append(Output(path, len(poses), clip.id, poses.warnings))
        if job.overlay is not None:
            drawn.append((clip, poses))
    if job.overlay is not None:
        path, pictures = job.overlay.write(job.path, drawn)
        outcome.outputs.append(Output(path, pictures, person=""))


def _assumed(clips: Clips) -> Iterator[str]:
    """What ``lift`` takes as given, since neither file nor caller tell."""
    if clips.fps is None and clips[0].timestamps_N is None:
        assumed = signature(lift).parameters["fps"].default
        yield f"frames per second are taken as {assumed:g}: --fps tells them"
