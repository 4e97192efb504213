"""Where the models that come with the package are."""

from pathlib import Path
from typing import Final

SHIPPED_MODELS: Final = Path(__file__).parent / "models"
"""A folder of model folders; ``LICENSE-WEIGHTS.md`` and each card state their licence."""
