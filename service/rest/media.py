"""Which format a body is in, and which one the answer is to be in."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from starlette.datastructures import Headers

from service.request_errors import UnsupportedMediaType
from service.wire.pose_files import PoseFile
from service.wire.wire_format import WireFormat

_ANYTHING = frozenset({"*/*", "application/*"})
_UTF8 = frozenset({"utf-8", "utf8", "us-ascii"})


class Negotiated(NamedTuple):
    """The formats of one request."""

    given: WireFormat
    wanted: WireFormat


def negotiated(headers: Headers, formats: Sequence[WireFormat]) -> Negotiated:
    """The formats that the headers name, of those served.

    Raises:
        UnsupportedMediaType: the content type names none, or another character set than UTF-8; or
            the body is compressed.
    """
    given = _given(headers.get("content-type", ""), tuple(formats))
    refuse_compressed(headers)
    return Negotiated(given, _wanted(headers.get("accept", "*/*"), given, tuple(formats)))


@lru_cache(32)  # most callers name the same ones
def _given(content_type: str, formats: tuple[WireFormat, ...]) -> WireFormat:
    named = _by_name(formats)
    name, _, parameters = content_type.partition(";")
    given = named.get(name.strip().lower())
    if given is None or not _is_utf8(parameters):
        expected = " or ".join(each.media_type for each in formats)
        raise UnsupportedMediaType(
            f"content-type: expected {expected}, found {content_type[:200]!r}"
        )
    return given


def _by_name(formats: Sequence[WireFormat]) -> dict[str, WireFormat]:
    return {name: each for each in formats for name in each.media_types}


def wanted_file(headers: Headers, formats: Sequence[WireFormat]) -> PoseFile | None:
    """The output format that the caller accepts best, unless they like a message as much.

    Raises:
        InvalidInput: it has no such rig.
    """
    return _wanted_file(headers.get("accept", "*/*"), tuple(formats))


@lru_cache(32)
def _wanted_file(accept: str, formats: tuple[WireFormat, ...]) -> PoseFile | None:
    messages = _by_name(formats).keys() | _ANYTHING
    for name, parameters in _accepted(accept):
        if name in messages:
            return None
        if (file := PoseFile.named(name, parameters)) is not None:
            return file
    return None


@lru_cache(32)
def _wanted(accept: str, given: WireFormat, formats: tuple[WireFormat, ...]) -> WireFormat:
    """The format that the caller accepts best; the request's own if they have no preference."""
    named = _by_name(formats)
    for name, _ in _accepted(accept):
        if name in _ANYTHING:
            return given
        if name in named:
            return named[name]
    return given


def refuse_compressed(headers: Headers) -> None:
    """Refuse a body that is compressed; raises ``UnsupportedMediaType``."""
    coding = headers.get("content-encoding", "identity").strip().lower()
    if coding not in {"identity", ""}:
        raise UnsupportedMediaType(
            f"content-encoding: expected none, found {coding[:100]!r}", is_compressed=True
        )


def _is_utf8(parameters: str) -> bool:
    named = dict(part.strip().partition("=")[::2] for part in parameters.lower().split(";"))
    return named.get("charset", "utf-8").strip('" ') in _UTF8


def _accepted(accept: str) -> Iterator[tuple[str, dict[str, str]]]:
    """The media types of an accept header with their parameters, the best first."""
    preferences = [_preference(part) for part in accept.split(",")]
    # Sorting keeps the order of equals, and callers name first what they like best.
    for weight, name, parameters in sorted(preferences, key=lambda each: -each[0]):
        if weight > 0:
            yield name, parameters


def _preference(part: str) -> tuple[float, str, dict[str, str]]:
    """The weight, the media type and its parameters of one item of an accept header."""
    media_type, *parts = part.strip().lower().split(";")
    parameters = {
        name.strip(): text.strip(' "') for name, _, text in (each.partition("=") for each in parts)
    }
    number = parameters.pop("q", "1")
    weight = 1.0
    if number.isascii() and number.replace(".", "", 1).isdigit():
        weight = float(number)
    return weight, media_type.strip(), parameters
