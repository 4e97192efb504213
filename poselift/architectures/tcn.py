"""The temporal convolutional network (the paper, §3)."""

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from operator import mul
from typing import Any, Literal

from poselift.architectures.architecture import Architecture


class Tcn(Architecture):
    """A layer for each filter width, dilated by the product of the widths before it."""

    kind: Literal["tcn"] = "tcn"
    filter_widths: tuple[int, ...]
    channels: int

    @property
    def padding_work(self) -> float:
        """In frames' worth of the network's blocks, with edges repeated as late as possible.

        A layer works on min(context so far, context still to come) positions beside the clip's own.
        """
        fields = list(accumulate(self.filter_widths, mul))
        margins: list[int] = [min(field - 1, fields[-1] - field) for field in fields]
        return sum(margins) / max(len(margins) - 1, 1)

    @property
    def past(self) -> Sequence[tuple[int, int]]:
        """A layer reads its own width of rows, less the newest, a dilation apart."""
        dilations = accumulate(self.filter_widths[:-1], mul, initial=1)
        return [(width - 1, d) for width, d in zip(self.filter_widths, dilations, strict=True)]

    def contradictions(self) -> Iterator[str]:
        """The receptive field is the product of the widths."""
        product = math.prod(self.filter_widths)
        if product != self.receptive_field:
            yield f"receptive field {self.receptive_field}, but the widths make {product}"

    def details(self) -> Mapping[str, Any]:
        """The fields of ``ModelDetails`` that describe it."""
        return {"filter_widths": list(self.filter_widths), "channels": self.channels}
