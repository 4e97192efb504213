"""What answers say of a model and a session, with the names that JSON and protobuf share."""

from collections.abc import Mapping
from typing import Any

from poselift.card import Card


def model_summary(card: Card) -> dict[str, Any]:
    """The few facts that come with every answer."""
    return {
        "name": card.name,
        "version": card.version,
        "causal": card.architecture.causal,
        "receptive_field": card.architecture.receptive_field,
        "keypoint_format": card.input.keypoint_format,
        "licence": card.licence,
    }


def model_details(card: Card, aliases: Mapping[str, str]) -> dict[str, Any]:
    """The rest, for those who choose a model; ``aliases`` are those of all models."""
    return {
        "aliases": sorted(alias for alias, name in aliases.items() if name == card.name),
        "created": card.created,
        "skeleton": skeleton(card),
        **card.architecture.details(),
        "normalisation": card.normalisation,
        "training": card.training.model_dump(mode="json"),
    }


def skeleton(card: Card) -> dict[str, Any]:
    """The joints of the poses a model answers with, and the tree that joins them."""
    output = card.output
    return {"name": output.name, "joints": list(output.joints), "parents": list(output.parents)}


def pose_description(card: Card, axes: str) -> dict[str, Any]:
    """What poses are to be read by; with every answer about clips or a session."""
    return {
        "model": model_summary(card),
        "skeleton": skeleton(card),
        "units": card.units,
        "axes": axes,
    }
