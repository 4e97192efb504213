"""Export a checkpoint to a model folder: ``python -m training.export --help``."""

from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from poselift.card import ModelName
from poselift.errors import InvalidInput
from training.command import Options, command_line, run
from training.export.exported import (
    UNSTATED_LICENCE,
    Exported,
    Remarks,
    from_checkpoint,
    from_videopose3d,
)
from training.export.model_folder import Precision, export
from training.model.videopose3d import VIDEOPOSE3D_SUFFIX


class _ExportOptions(Options):
    output: Path
    """The model folder to write."""
    name: str | None = None
    """The model's name, if not the folder's."""
    causal: bool = False
    """For .bin files, which do not say: the model sees only the past."""
    keypoint_format: str | None = None
    """For .bin files: the input's layout, if not h36m17 (or, for 15 joints, humaneva15)."""
    errors: Path | None = None
    """Held-out errors as ``training.evaluate --output`` writes them, for the card."""
    licence: str = ""
    """Under which the weights may be used, for the card; not stated if not given, since it depends
    on what the model was trained on."""
    recipe: str = ""
    """How to make such weights again, for the card; the last run's command if not given."""
    cost: str = ""
    """What the training took, for the card."""
    limits: str = ""
    """What the model is not to be used for, for the card."""
    precision: Precision = "float32"
    """Of the weights in the file: float16 halves it; the arithmetic is float32 either way."""


def export_checkpoint(checkpoint: Path, /, *, options: _ExportOptions) -> None:
    """Write a model folder that the service can serve; refuses if it would compute otherwise.

    Args:
        checkpoint: One of this project's checkpoints (.pt), or a VideoPose3D checkpoint (.bin).
        options: of the command.
    """
    card = export(_exported(checkpoint, options), options.output, options.precision)
    print(f"{options.output}: model {card.name}, version {card.version}")


def _exported(checkpoint: Path, options: _ExportOptions) -> Exported:
    name = _checked_name(options.name or options.output.name)
    if checkpoint.suffix == VIDEOPOSE3D_SUFFIX:
        _refuse(checkpoint, options, "errors", "licence", "recipe", "cost", "limits")
        return from_videopose3d(checkpoint, name, options.causal, options.keypoint_format)
    _refuse(checkpoint, options, "causal", "keypoint_format")
    remarks = Remarks(
        _read_errors(options.errors),
        options.licence or UNSTATED_LICENCE,
        options.recipe,
        options.cost,
        options.limits,
    )
    return from_checkpoint(checkpoint, name, remarks)


def _checked_name(name: str) -> str:
    try:
        return TypeAdapter(ModelName).validate_python(name)
    except ValidationError:
        expected = "up to 100 letters, digits, spaces, '.', '_', '+' and '-'"
        raise InvalidInput.at("--name", f"{expected}, found {name!r}") from None


def _refuse(checkpoint: Path, options: _ExportOptions, *names: str) -> None:
    """Options that do not apply to this kind of checkpoint."""
    for name in names:
        if getattr(options, name):
            option = name.replace("_", "-")
            raise ValueError(f"--{option} is not for {checkpoint.suffix} checkpoints")


def _read_errors(path: Path | None) -> dict[str, float]:
    if path is None:
        return {}
    try:
        return TypeAdapter(dict[str, float]).validate_json(path.read_bytes())
    except ValidationError:
        raise ValueError(f"{path}: expected what evaluate --output writes") from None


if __name__ == "__main__":
    run(command_line("training.export", export_checkpoint))
