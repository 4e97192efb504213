"""What is asked of the shape of a network, whatever its family."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field


class Architecture(BaseModel):
    """The shape of a network, which sees that many frames; a family adds ``kind`` and the rest."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    causal: bool
    receptive_field: Annotated[int, Field(gt=0, le=100_000)]

    @property
    def padding_work(self) -> float:
        """What the padding of one clip costs, in frames' worth of the network's work."""
        return 0

    @property
    def past(self) -> Sequence[tuple[int, int]]:
        """Of each layer that is stepped: how many past rows it reads, how many frames apart."""
        return ()

    def contradictions(self) -> Iterator[str]:
        """What the description says that cannot be so."""
        yield from ()

    def details(self) -> Mapping[str, Any]:
        """What callers are told of it besides, by the fields of ``ModelDetails``."""
        return {"filter_widths": [], "channels": 0}
