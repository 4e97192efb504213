"""All that lifts live frames with one served model."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakValueDictionary

from poselift.card import Card
from poselift.codec import Codec, ModelInput, Preprocessing
from poselift.poses import PoseWarning
from poselift.runtime.onnx_session import RunOptions
from poselift.runtime.step import StepModel
from poselift.runtime.window import WindowModel
from service.batcher import Batcher
from service.live.frames import ANSWERS_KEPT
from service.live.lateness import Lateness
from service.live.step_batcher import StepBatcher
from service.live.tracks import Tracks
from service.live.window_batcher import WindowBatcher
from service.metrics import Metrics
from service.served_models import ServedModel
from service.shares import Places

FRAMES_BEFORE_WINDOW = 64
"""Frames before a window in which a joint that is missing in it may have been seen last."""


@dataclass(frozen=True)
class LiveModel:
    """A served model with what its live sessions need.

    ``windows`` is there for a symmetric model, whose sessions look ahead.
    """

    served: ServedModel
    steps: StepBatcher
    warned: Callable[[Sequence[PoseWarning]], None]
    """Counts warnings, as they are told."""
    lifted: Callable[[float], None]
    """Counts frames that are lifted, each of one person."""
    overloaded: Callable[[str], None]
    """Counts people of frames for whom there was no room, by the reason."""
    windows: WindowBatcher | None = None
    lateness: Lateness = field(default_factory=Lateness)
    """Whether its live frames are answered in time."""
    _codecs: WeakValueDictionary[Preprocessing, Codec] = field(default_factory=WeakValueDictionary)

    @classmethod
    def load(
        cls,
        served: ServedModel,
        how: RunOptions,
        capacity: int,
        metrics: Metrics,
        places: Places | None = None,
    ) -> "LiveModel | None":
        """Load the graphs for live frames, if the model's folder has any.

        ``places`` counts the people whom parties have, of whom there are as many as ``capacity``.

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
        rings = stepper.rings if stepper else ()
        tracks = Tracks(rings, len(card.input.joints), capacity, places)
        steps = StepBatcher(card, stepper, tracks, metrics.batches_of(card.name, "live"))
        count = metrics.warned, metrics.frames_of(card.name), metrics.overloaded
        if window is None:
            return cls(served, steps, *count)
        observer = metrics.batches_of(card.name, "window")
        return cls(served, steps, *count, WindowBatcher(card, window, observer))

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

    @property
    def frames_kept(self) -> int:
        """How many of a session's frames it may need.

        The oldest answer that is still given needs a window before it, and the frames before that
        in which a joint may have been seen last; a lookahead's are after it, as much as half a
        window.
        """
        return self.card.architecture.receptive_field + ANSWERS_KEPT + FRAMES_BEFORE_WINDOW

    def codec(self, how: Preprocessing) -> Codec:
        """One codec for all sessions whose keypoints are read alike: batches group by it."""
        codec = self._codecs.get(how)
        if codec is None:
            codec = self._codecs[how] = Codec(ModelInput.of(self.card), how)
        return codec

    def people(self) -> int:
        """How many people are in its sessions."""
        return self.steps.tracks.begun

    def warm_up(self) -> None:
        """Run every graph once, so that no caller pays for first-time allocation."""
        self.steps.warm_up()
        if self.windows is not None:
            self.windows.warm_up()
