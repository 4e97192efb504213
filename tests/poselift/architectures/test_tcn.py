"""What the shape of a temporal convolutional network comes to, and how cards tell it."""

import json
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from poselift.architectures.tcn import Tcn
from poselift.card import METADATA_KEY, Network
from poselift.runtime.onnx_session import RunOptions, open_graph
from poselift.shipped_models import SHIPPED_MODELS, shipped_names

FIELDS: dict[str, Any] = {
    "filter_widths": (3, 3, 3, 3, 3),
    "causal": False,
    "channels": 1024,
    "receptive_field": 243,
}
READ = TypeAdapter[Any](Network).validate_python


def test_padding_work_is_that_of_the_receptive_field_of_243() -> None:
    # One frame takes 118 block positions, four of them its own: 114 / 4 blocks, and the input's 2.
    assert Tcn(**FIELDS).padding_work == pytest.approx(114 / 4 + 2 / 4)
    assert Tcn(**FIELDS | {"filter_widths": (1,)}).padding_work == 0


def test_each_layer_reads_its_past_at_its_dilation() -> None:
    assert Tcn(**FIELDS | {"filter_widths": (3, 5, 7)}).past == [(2, 1), (4, 3), (6, 15)]


def test_cards_without_a_kind_are_of_this_family() -> None:
    assert READ(FIELDS) == READ(FIELDS | {"kind": "tcn"}) == READ(Tcn(**FIELDS)) == Tcn(**FIELDS)


@pytest.mark.parametrize("change", [{"kind": "untagged"}, {"kind": "gru"}, {"heads": 8}])
def test_other_descriptions_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        READ(FIELDS | change)


def test_the_shipped_models_are_of_this_family_and_their_cards_as_they_were() -> None:
    for name in shipped_names():
        session, card = open_graph(SHIPPED_MODELS / name / "clip.onnx", RunOptions("cpu"))
        written = json.loads(session.get_modelmeta().custom_metadata_map[METADATA_KEY])
        assert isinstance(card.architecture, Tcn)
        assert card.architecture.model_dump(mode="json") == {
            "kind": "tcn",
            **written["architecture"],
        }
