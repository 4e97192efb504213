"""The prepared motion file: clips of one skeleton, in metres, at one frame rate."""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from service.errors import Invalid

Names = tuple[str, ...]


@dataclass(frozen=True)
class MotionSummary:
    """What a model was trained on, kept in its checkpoints."""

    identity: str
    """A hash of all positions, and of which clips are held out."""
    fps: float
    minutes: float
    """Of the clips that are trained on."""
    subjects: Names
    """Who is trained on."""


@dataclass(frozen=True)
class MotionSet:
    """Clips one after the other. World axes y up, right-handed, metres."""

    positions: NDArray[np.float32]
    """(frames, points, 3)"""
    clip_starts: NDArray[np.int64]
    """First frame of each clip."""
    clip_ends: NDArray[np.int64]
    """One past the last frame of each clip."""
    names: Names
    subjects: Names
    """Who moves; no subject is on both sides of the split."""
    actions: Names
    sources: Names
    original_fps: NDArray[np.float64]
    held_out: NDArray[np.bool_]
    """Per clip: kept from training."""
    fps: float
    joint_names: Names

    def __len__(self) -> int:
        """The number of clips."""
        return len(self.names)

    def clip(self, index: int) -> NDArray[np.float32]:
        """The positions of one clip, (T, points, 3)."""
        return self.positions[self.clip_starts[index] : self.clip_ends[index]]

    def split(self, *, held_out: bool) -> "MotionSet":
        """The clips of one side of the split; positions are copied so that clips adjoin again."""
        return self.select(np.flatnonzero(self.held_out == held_out))

    def select(self, clips: NDArray[np.intp]) -> "MotionSet":
        """A set of some of the clips, in the order given."""
        chosen = [self.clip(int(index)) for index in clips]
        ends = np.cumsum([len(clip) for clip in chosen], dtype=np.int64)
        return replace(
            self,
            positions=np.concatenate([self.positions[:0], *chosen]),
            clip_starts=np.concatenate([np.zeros(1, np.int64), ends])[: len(ends)],
            clip_ends=ends,
            names=tuple(self.names[i] for i in clips),
            subjects=tuple(self.subjects[i] for i in clips),
            actions=tuple(self.actions[i] for i in clips),
            sources=tuple(self.sources[i] for i in clips),
            original_fps=self.original_fps[clips],
            held_out=self.held_out[clips],
        )

    def summary(self) -> MotionSummary:
        """What is trained on where this set is."""
        content = hashlib.sha256(self.positions.tobytes())
        content.update(self.clip_ends.tobytes() + self.held_out.tobytes())
        lengths = (self.clip_ends - self.clip_starts)[~self.held_out]
        trained = {
            subject
            for subject, held_out in zip(self.subjects, self.held_out, strict=True)
            if not held_out
        }
        minutes = float(lengths.sum()) / self.fps / 60
        identity = content.hexdigest()[:16]
        return MotionSummary(identity, self.fps, round(minutes, 1), tuple(sorted(trained)))

    def save(self, path: Path) -> None:
        """Write the file under another name, then put it in place at once."""
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}.partial.npz")
        np.savez(
            partial,
            positions=self.positions,
            clip_ends=self.clip_ends,
            clip_names=np.array(self.names),
            subjects=np.array(self.subjects),
            actions=np.array(self.actions),
            source=np.array(self.sources),
            original_fps=self.original_fps,
            held_out=self.held_out,
            fps=np.float64(self.fps),
            joint_names=np.array(self.joint_names),
        )
        partial.replace(path)

    @classmethod
    def load(cls, path: Path) -> "MotionSet":
        """Read a file written by `save`, with no pickles; `Invalid` names what is wrong with it."""
        try:
            with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
                arrays = {key: file[key] for key in file}
        except (OSError, ValueError, EOFError, BadZipFile) as error:
            raise Invalid.at(str(path), f"a prepared motion file (.npz): {error}") from error
        _check_arrays(arrays, path)
        ends = arrays["clip_ends"]
        return cls(
            positions=arrays["positions"],
            clip_starts=np.concatenate([np.zeros(1, np.int64), ends[:-1]]),
            clip_ends=ends,
            names=tuple(map(str, arrays["clip_names"])),
            subjects=tuple(map(str, arrays["subjects"])),
            actions=tuple(map(str, arrays["actions"])),
            sources=tuple(map(str, arrays["source"])),
            original_fps=arrays["original_fps"],
            held_out=arrays["held_out"],
            fps=float(arrays["fps"]),
            joint_names=tuple(map(str, arrays["joint_names"])),
        )


_PER_CLIP = {
    "clip_ends": "i",
    "clip_names": "U",
    "subjects": "U",
    "actions": "U",
    "source": "U",
    "original_fps": "f",
    "held_out": "b",
}


def _check_arrays(arrays: dict[str, NDArray[np.generic]], path: Path) -> None:
    for key in ("positions", "joint_names", "fps", *_PER_CLIP):
        if key not in arrays:
            raise Invalid.at(f"{path}, {key}", "an array of that name")
    positions, joints = arrays["positions"], arrays["joint_names"]
    if positions.dtype != np.float32 or positions.shape[1:] != (len(joints), 3):
        raise Invalid.at(
            f"{path}, positions",
            f"float32 of shape (frames, {len(joints)}, 3), "
            f"found {positions.dtype} of {positions.shape}",
        )
    clips = arrays["clip_ends"].shape
    for key, kind in _PER_CLIP.items():
        if arrays[key].dtype.kind != kind or arrays[key].shape != clips or len(clips) != 1:
            raise Invalid.at(f"{path}, {key}", f"one value of kind '{kind}' for each of the clips")
    ends: NDArray[np.int64] = arrays["clip_ends"].astype(np.int64)
    if len(ends) == 0 or (np.diff(ends, prepend=0) <= 0).any() or ends[-1] != len(positions):
        raise Invalid.at(f"{path}, clip_ends", f"rising numbers, the last {len(positions)}")
    if arrays["fps"].shape != () or not float(arrays["fps"].astype(np.float64)) > 0:
        raise Invalid.at(f"{path}, fps", "one positive number")
