"""The card: what a model file says about itself, embedded in the ONNX graphs it describes."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from poselift.architectures.tcn import Tcn
from poselift.normalisation import ScreenCamera

ModelName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9 ._+-]{0,99}$")]
METADATA_KEY = "poselift.card"
"""The ONNX metadata key whose value is the card as JSON."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class InputLayout(_Part):
    """The keypoints a model eats: a format of ``poselift.formats`` and its channels."""

    keypoint_format: str
    joints: tuple[str, ...]
    channels: tuple[str, ...] = ("x", "y")


class OutputSkeleton(_Part):
    """The joints a model answers with, as in ``poselift.skeletons``."""

    name: str
    joints: tuple[str, ...]
    parents: tuple[int, ...]
    left: tuple[int, ...]
    right: tuple[int, ...]

    @property
    def feet(self) -> tuple[int, ...]:
        """The joints that touch the ground."""
        return tuple(i for i, name in enumerate(self.joints) if name.endswith(("foot", "ankle")))


def _kind(architecture: Any) -> str:  # noqa: ANN401
    """The family of a network, in a card's JSON or as an object."""
    fields = architecture if isinstance(architecture, dict) else vars(architecture)
    return str(fields.get("kind", "untagged"))


Network = Annotated[
    Annotated[Tcn, Tag("tcn")]
    | Annotated[Tcn, Tag("untagged")],  # in cards made before there were tags
    Discriminator(_kind),
]
"""The shape of a network, of one of the families known."""


class Graph(_Part):
    """One ONNX graph of the model and the names of its tensors."""

    kind: Literal["clip", "step", "rings", "window"]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


class Training(_Part):
    """Where the weights come from: data, cost and the errors measured on held-out subjects."""

    data: str
    frame_rates: tuple[float, ...]
    seed: int | None = None
    recipe: str = ""
    """How to make such weights again: a command or a script."""
    cost: str = ""
    held_out_errors: dict[str, float] = {}
    """Millimetres (MPJVE: millimetres per frame), by condition and metric."""
    limits: str = ""


class Card(_Part):
    """Everything the service must know to feed a model and to explain its answers."""

    name: ModelName
    version: Annotated[str, Field(max_length=100)]
    """As ``poselift.runtime.model_files.model_version`` gives it."""
    created: str
    """ISO 8601, UTC."""
    input: InputLayout
    output: OutputSkeleton
    architecture: Network
    normalisation: Literal["screen", "person"]
    """How pixels become inputs: see ``poselift.normalisation``."""
    graph: Graph
    licence: str
    training: Training
    trajectory_camera: ScreenCamera | None = None
    """For ``screen``: the cameras that the trajectory was learned with, in screen coordinates;
    with another camera's intrinsics it is scaled to that camera."""
    axes: Literal["camera"] = "camera"
    units: Literal["metres"] = "metres"
