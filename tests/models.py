"""Small real models with random weights, clips of a walking person, and the service around them."""

from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry

from poselift.card import Training
from poselift.formats import FORMATS
from poselift.reference_pose import REFERENCE_POSE
from poselift.runtime.onnx_session import RunOptions
from service.context import ServiceContext
from service.engine import Engine
from service.health import ServiceState
from service.keys import KeyRing, Keys
from service.metrics import Metrics
from service.served_models import Batching, ModelSet, ServedModel, model_folders
from service.validation import Limits
from service.wire.decoding import Decoder
from training.export.exported import Exported
from training.export.model_folder import export
from training.model.networks import Networks
from training.model.temporal_model import TemporalModel

Floats = NDArray[np.float32]


def model_folder(
    folder: Path,
    *,
    causal: bool = False,
    channels: int = 16,
    filter_widths: Sequence[int] = (3, 3, 3),
    keypoint_format: str = "coco17",
    normalisation: Literal["screen", "person"] = "screen",
    trajectory: bool = False,
    expected_errors: bool = False,
    seed: int = 0,
) -> Path:
    """Write a model folder with random weights; its name is the folder's."""
    torch.manual_seed(seed)
    joints = len(FORMATS[keypoint_format].joints)
    exported = Exported(
        name=folder.name,
        pose=network(joints, 17, filter_widths, causal, channels, expected_errors),
        trajectory=network(joints, 1, filter_widths, causal, channels) if trajectory else None,
        keypoint_format=keypoint_format,
        normalisation=normalisation,
        licence="none",
        training=Training(data="none: random weights", frame_rates=(50.0,)),
    )
    export(exported, folder)
    return folder


def network(
    joints_in: int,
    joints_out: int,
    filter_widths: Sequence[int],
    causal: bool,
    channels: int,
    expected_errors: bool = False,
) -> TemporalModel:
    network = TemporalModel(
        joints_in, 2, joints_out, filter_widths, causal, channels, expected_errors=expected_errors
    ).eval()
    if network.error_head is not None:
        torch.nn.init.normal_(network.error_head.out.weight, std=0.3)
    for batch_norm in Networks(network).batch_norms:
        if batch_norm.affine:
            torch.nn.init.uniform_(batch_norm.weight, 0.5, 1.5)
            torch.nn.init.normal_(batch_norm.bias, std=0.1)
        assert batch_norm.running_mean is not None
        torch.nn.init.normal_(batch_norm.running_mean, std=0.1)
    return network


def model_set_folder(root: Path) -> Path:
    """The models most tests use.

    Symmetric; causal; fed h36m17; with the caller's camera; with a trajectory and expected errors.
    """
    model_folder(root / "symmetric", seed=1)
    model_folder(root / "causal", causal=True, seed=2)
    model_folder(root / "h36m", keypoint_format="h36m17", seed=3)
    model_folder(root / "person", normalisation="person", seed=4)
    model_folder(
        root / "rooted", normalisation="person", trajectory=True, expected_errors=True, seed=5
    )
    return root


def person_clip(frames: int, seed: int = 0, keypoint_format: str = "coco17") -> Floats:
    """A person who walks across a 1000 x 800 image: (frames, joints, 3), all joints measured."""
    random = np.random.default_rng(seed)
    joints = FORMATS[keypoint_format].joints
    reference = np.array([REFERENCE_POSE.get(joint, (0.0, 0.0)) for joint in joints])
    time = np.arange(frames)[:, None, None] / 50
    swing = 0.08 * np.sin(2 * np.pi * time + random.uniform(0, 6, size=(1, len(joints), 2)))
    clip = np.empty((frames, len(joints), 3), dtype=np.float32)
    clip[..., :2] = 250 * (reference + swing) / np.ptp(reference[:, 1])
    clip[..., :2] += [500, 400] + 100 * np.sin(time * random.uniform(0.5, 1))
    clip[..., 2] = random.uniform(0.6, 1, size=(frames, len(joints)))
    return clip


@asynccontextmanager
async def running_service(
    models: Path,
    batching: Batching | None = None,
    limits: Limits | None = None,
    api_keys: frozenset[str] = frozenset(),
    request_timeout_s: float = 60,
    threads: int = 1,
) -> AsyncIterator[ServiceContext]:
    """Everything behind the transports, running and accepting."""
    metrics, limits = Metrics(CollectorRegistry()), limits or Limits()
    how = RunOptions("cpu", threads=threads)
    served = ModelSet(
        [
            ServedModel.load(folder, how, batching or Batching(), metrics)
            for folder in model_folders(models)
        ],
        default="symmetric",
    )
    for model in served:
        model.batcher.start()
    try:
        with ThreadPoolExecutor(2) as large_work:
            engine = Engine(served, limits, metrics, large_work)
            state = ServiceState(ready=True, accepting=True)
            decoder = Decoder(limits)
            keys = Keys(KeyRing.of_keys(api_keys))
            yield ServiceContext(
                engine, limits, metrics, state, decoder, keys, request_timeout_s=request_timeout_s
            )
            decoder.close()
    finally:
        for model in served:
            await model.batcher.stop(drain_s=10)
