"""Models with random weights, exported for measuring speed alone."""

from pathlib import Path

import torch

from poselift.card import Training
from training.export.exported import Exported
from training.export.model_folder import export
from training.model.temporal_model import TemporalModel


def random_model(folder: Path, channels: int, causal: bool = False) -> TemporalModel:
    """Export a 243-frame model of random weights and return the PyTorch model."""
    torch.manual_seed(0)
    model = TemporalModel(17, 2, 17, (3, 3, 3, 3, 3), causal, channels).eval()
    exported = Exported(
        folder.name, model, None, "coco17", "person", "none", Training(data="", frame_rates=())
    )
    export(exported, folder)
    return model
