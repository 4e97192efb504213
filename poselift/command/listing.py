"""``poselift models`` and ``poselift readers``: what there is to choose from."""

import json as json_format
from collections.abc import Iterator
from typing import Annotated, Any

from cyclopts import Parameter

from poselift.command.options import Server
from poselift.lifting import load_model
from poselift.readers.registry import READERS
from poselift.shipped_models import ALIASES, SHIPPED_MODELS, shipped_names

_JSON = Parameter(negative="", show_default=False)


def models(*, json: Annotated[bool, _JSON] = False, server: Server | None = None) -> int:
    """List the models that come with the package, or with --server those of a server.

    Args:
        json: write a JSON object a line, with what the model's card says.
        server: where, if not here.
    """
    if server is not None and server.server is not None:
        with server.client() as client:
            found = [_served(each) for each in client.models()]
    else:
        found = list(_shipped(with_cards=json))
    for model in found:
        print(json_format.dumps(model) if json else _line(model))  # noqa: T201
    return 0


def readers(*, json: Annotated[bool, _JSON] = False) -> int:
    """List the readers, by the names that --reader takes.

    Args:
        json: write a JSON object a line.
    """
    for reader in READERS:
        fields = {"name": reader.name, "reads": reader.reads, "looks_for": reader.looks_for}
        print(json_format.dumps(fields) if json else f"{reader.name}: {reader.reads}")  # noqa: T201
    return 0


def _line(model: dict[str, Any]) -> str:
    aliases = f" ({', '.join(model['aliases'])})" if model["aliases"] else ""
    return f"{model['name']}{aliases}: {model.get('folder') or model['version']}"


def _shipped(*, with_cards: bool) -> Iterator[dict[str, Any]]:
    for name in shipped_names():
        aliases = [alias for alias, named in ALIASES.items() if named == name]
        model = {"name": name, "aliases": aliases, "folder": str(SHIPPED_MODELS / name)}
        yield model | (_about(name) if with_cards else {})


def _about(name: str) -> dict[str, Any]:
    card = load_model(name, "cpu").card
    return {
        "version": card.version,
        "causal": card.architecture.causal,
        "receptive_field": card.architecture.receptive_field,
        "keypoint_format": card.input.keypoint_format,
        "licence": card.licence,
    }


def _served(model: Any) -> dict[str, Any]:  # noqa: ANN401 - a ModelInfo
    names = ("name", "aliases", "version", "causal", "receptive_field", "keypoint_format")
    return {name: getattr(model, name) for name in (*names, "licence")}
