"""All that lifts live frames with one served model."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from poselift.card import Card
from poselift.runtime.onnx_session import RunOptions
from poselift.runtime.step import StepModel
from poselift.runtime.window import WindowModel
from service.batcher import Batcher, Observer
from service.live.step_batcher import StepBatcher
from service.live.tracks import Tracks
from service.live.window_batcher import WindowBatcher
from service.served_models import ServedModel


@dataclass(frozen=True)
class LiveModel:
    """A served model with what its live sessions need.

    ``windows`` is there for a symmetric model, whose sessions look ahead.
    """

    served: ServedModel
    steps: StepBatcher
    windows: WindowBatcher | None = None

    @classmethod
    def load(
        cls,
        served: ServedModel,
        how: RunOptions,
        capacity: int,
        observe: Callable[[Literal["live", "window"]], Observer],
    ) -> "LiveModel | None":
        """Load the graphs for live frames, if the model's folder has any.

        Raises:
            ModelError: a graph is another model's, or disagrees with its card.
        """
        if served.folder is None:
            return None
        card = served.card
        stepper = StepModel.load(served.folder, card, how)
        window = WindowModel.load(served.folder, card, how)
        if stepper is None and window is None:
            return None
        rings = stepper.rings if stepper is not None else ()
        tracks = Tracks(rings, len(card.input.joints), capacity)
        windows = None if window is None else WindowBatcher(card, window, observe("window"))
        return cls(served, StepBatcher(card, stepper, tracks, observe("live")), windows)

    @property
    def card(self) -> Card:
        """The model's card."""
        return self.served.card

    @property
    def batchers(self) -> Iterator[Batcher[Any, Any]]:
        """Its queues for live frames, to be started and stopped."""
        yield self.steps.batcher
        if self.windows is not None:
            yield self.windows.batcher

    @property
    def longest_lookahead(self) -> int:
        """How many frames later its poses may come; 0 if they come at once."""
        return 0 if self.windows is None else self.windows.longest_lookahead

    def warm_up(self) -> None:
        """Run every graph once, so that no caller pays for first-time allocation."""
        self.steps.warm_up()
        if self.windows is not None:
            self.windows.warm_up()
