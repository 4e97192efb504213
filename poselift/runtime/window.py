"""A symmetric model run on windows: the pose of the frame in the middle of each."""

from pathlib import Path
from typing import TYPE_CHECKING

from poselift.array_types import Floats
from poselift.card import Card
from poselift.errors import ModelError
from poselift.poses import ModelOutput
from poselift.runtime.model_files import WINDOW_GRAPH
from poselift.runtime.onnx_session import RunOptions, check_tensors, open_companion, run_graph

if TYPE_CHECKING:
    import onnxruntime


class WindowModel:
    """A symmetric model's window graph, ready to run; may be called from several threads."""

    def __init__(self, session: "onnxruntime.InferenceSession", card: Card) -> None:
        self._session = session
        self._card = card

    @classmethod
    def load(cls, folder: Path, card: Card, options: RunOptions) -> "WindowModel | None":
        """Load the window graph of the model whose clip graph has this card, if there is one.

        Raises:
            ModelError: it is another model's, or disagrees with its card.
        """
        path = folder / WINDOW_GRAPH
        if not path.is_file():
            return None
        session, window_card = open_companion(path, card, options)
        check_tensors(path, session, window_card)
        found = tuple(session.get_inputs()[0].shape[1:])
        expected = (
            card.architecture.receptive_field,
            len(card.input.joints),
            len(card.input.channels),
        )
        if found != expected:
            raise ModelError(f"{path}: takes windows {found}; the card says {expected}")
        return cls(session, window_card)

    def lift(self, windows_BTJD: Floats) -> ModelOutput:
        """What the model tells of the frame in the middle of each, with leading axis B.

        A window is exactly one receptive field, normalised as the card says, edges repeated.
        """
        inputs = {self._card.graph.inputs[0]: windows_BTJD}
        return ModelOutput.of(run_graph(self._session, self._card.graph.outputs, inputs))
