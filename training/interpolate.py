"""Interpolate weights with a model a run began with: ``python -m training.interpolate --help``."""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

from pydantic import Field
from torch import Tensor

from training.command import Options, command_line, run
from training.config.sections import ModelConfig
from training.export.exported import from_checkpoint
from training.export.model_folder import export
from training.model import checkpoint as checkpoints
from training.model.checkpoint import CheckpointError
from training.model.model_weights import read_model_folder


class _InterpolateOptions(Options):
    share: Annotated[float, Field(ge=0, le=1)]
    """Of the checkpoint's weights; the rest is the folder's."""
    output: Path
    """The checkpoint to write (.pt), to be evaluated and exported."""


def interpolate(checkpoint: Path, folder: Path, /, *, options: _InterpolateOptions) -> None:
    """Average the weights of a checkpoint with those of the exported model that it began with.

    What was fine-tuned for new data is then better on the old, and often on both (Wortsman et al.,
    *Robust fine-tuning of zero-shot models*, CVPR 2022). Batch normalisation is folded into the
    weights before.

    Args:
        checkpoint: A run's, which began with ``--initial FOLDER``.
        folder: That model folder.
        options: of the command.
    """
    trained = checkpoints.load(checkpoint)
    weights = interpolated(
        _folded(checkpoint, trained.config.model),
        read_model_folder(folder, trained.config.model).weights,
        options.share,
        folder,
    )
    options.output.parent.mkdir(parents=True, exist_ok=True)
    checkpoints.save(replace(trained, model=weights, average=None), options.output)
    print(f"{options.output}: {options.share:.0%} {checkpoint}, the rest {folder}")


def _folded(checkpoint: Path, model: ModelConfig) -> dict[str, Tensor]:
    """The weights as an export has them: batch normalisations change nothing."""
    with TemporaryDirectory() as folder:
        export(from_checkpoint(checkpoint, "folded"), Path(folder) / "model")
        return read_model_folder(Path(folder) / "model", model).weights


def interpolated(
    first: dict[str, Tensor], second: dict[str, Tensor], share: float, where: Path
) -> dict[str, Tensor]:
    """Weights between two sets of the same shapes: ``share`` of the first.

    Raises:
        CheckpointError: the second, read from ``where``, are those of another network.
    """
    shapes = [{name: value.shape for name, value in each.items()} for each in (first, second)]
    if shapes[0] != shapes[1]:
        raise CheckpointError(f"{where}: is of another architecture than the checkpoint")
    return {
        name: value.lerp(second[name], 1 - share) if value.is_floating_point() else value
        for name, value in first.items()
    }


if __name__ == "__main__":
    run(command_line("training.interpolate", interpolate))
