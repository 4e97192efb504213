"""The models that come with the package, by name and alias."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from poselift.errors import ModelError

SHIPPED_MODELS: Final = Path(__file__).parent / "models"
"""A folder of model folders; ``LICENSE-WEIGHTS.md`` and each card state their licence."""
DEFAULT: Final = "default"
"""The alias of the model that lifts clips where none is named."""
LIVE: Final = "live"
"""The alias of the causal model that live sessions use."""
ALIASES: Final[Mapping[str, str]] = MappingProxyType({DEFAULT: "symmetric243", LIVE: "causal243"})


def model_folder(model: str | Path) -> Path:
    """The folder of a model: of a shipped one by its name or alias, else the folder itself.

    Raises:
        ModelError: there is none.
    """
    named = SHIPPED_MODELS / ALIASES.get(str(model), str(model))
    for folder in (named, Path(model)):
        if (folder / "clip.onnx").is_file():
            return folder
    raise ModelError(
        f"no model {str(model)!r}: expected a folder with a clip.onnx, or one of "
        f"{', '.join([*ALIASES, *shipped_names()])}"
    )


def shipped_names() -> list[str]:
    """The names of the models that come with the package."""
    return sorted(folder.parent.name for folder in SHIPPED_MODELS.glob("*/clip.onnx"))
