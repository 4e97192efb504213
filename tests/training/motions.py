"""Small invented motion sets, and small runs on them."""

import numpy as np

from poselift.reference_pose import REFERENCE_POSE
from training.config.train_config import TrainConfig
from training.data.datasets.body import POINTS
from training.data.datasets.prepared import MotionSet


def motion_set(clips=4, frames=60, seed=0):
    """People who stand, turn and wave; the last clip is held out."""
    rng = np.random.default_rng(seed)
    reference = np.array([REFERENCE_POSE.get(name, (0.0, -0.5)) for name in POINTS])
    standing = np.column_stack([reference[:, 0], -reference[:, 1], np.zeros(len(POINTS))]) * 1.7
    positions = []
    for _ in range(clips):
        angles = np.cumsum(rng.normal(0, 0.05, frames))
        cos, sin, zero, one = np.cos(angles), np.sin(angles), 0 * angles, 0 * angles + 1
        turns = np.array([[cos, zero, sin], [zero, one, zero], [-sin, zero, cos]])
        sway = np.cumsum(rng.normal(0, 0.004, (frames, len(POINTS), 3)), axis=0)
        positions.append(standing @ turns.transpose(2, 1, 0) + sway)
    ends = np.arange(1, clips + 1) * frames
    return MotionSet(
        positions=np.concatenate(positions).astype(np.float32),
        clip_ends=ends,
        names=tuple(f"clip {i}" for i in range(clips)),
        subjects=tuple(f"{i}" for i in range(clips)),
        actions=tuple("stand" if i % 2 else "turn" for i in range(clips)),
        sources=("made up",) * clips,
        original_fps=np.full(clips, 50.0),
        held_out=np.arange(clips) >= clips - 2,
        fps=50.0,
        origin="made up",
        joint_names=POINTS,
    )


def small_run(data, output, **settings):
    """A run of a small network."""
    small = {"filter_widths": (3, 3), "channels": 16, "batch_size": 32, "threads": 1}
    return TrainConfig(**({"data": data, "output": output} | small | settings))
