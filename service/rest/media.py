"""Which format a body is in, and which one the answer is to be in."""

from collections.abc import Mapping
from types import MappingProxyType

from fastapi import Request

from service.request_errors import UnsupportedMediaType
from service.wire.codecs import JSON, PROTOBUF, Codec

_CODECS: Mapping[str, Codec] = MappingProxyType(
    {
        JSON.media_type: JSON,
        PROTOBUF.media_type: PROTOBUF,
        "application/protobuf": PROTOBUF,
    }
)
_ANYTHING = frozenset({"*/*", "application/*"})
_UTF8 = frozenset({"utf-8", "utf8", "us-ascii"})


def request_codec(request: Request) -> Codec:
    """The format that the content type names.

    Raises:
        UnsupportedMediaType: it names none, or another character set than UTF-8.
    """
    given = request.headers.get("content-type", "")
    name, _, parameters = given.partition(";")
    found = _named(name)
    if found is None or not _is_utf8(parameters):
        raise UnsupportedMediaType(
            f"content-type: expected {JSON.media_type} or {PROTOBUF.media_type}, "
            f"found {given[:200]!r}"
        )
    return found


def answer_codec(request: Request, same: Codec) -> Codec:
    """The format that the caller accepts best; the request's own if it is all one to them."""
    accepted = [_preference(part) for part in request.headers.get("accept", "*/*").split(",")]
    # Sorting keeps the order of equals, and callers name first what they like best.
    for weight, name in sorted(accepted, key=lambda preference: -preference[0]):
        if weight == 0:
            break
        if name in _ANYTHING:
            return same
        if found := _named(name):
            return found
    return same


def _named(media_type: str) -> Codec | None:
    return _CODECS.get(media_type.strip().lower())


def _is_utf8(parameters: str) -> bool:
    named = dict(part.strip().partition("=")[::2] for part in parameters.lower().split(";"))
    return named.get("charset", "utf-8").strip('" ') in _UTF8


def _preference(part: str) -> tuple[float, str]:
    """The weight and the media type of one item of an accept header."""
    media_type, *parameters = part.strip().lower().split(";")
    weight = 1.0
    for parameter in parameters:
        name, _, number = parameter.strip().partition("=")
        if name == "q" and number.isascii() and number.replace(".", "", 1).isdigit():
            weight = float(number)
    return weight, media_type.strip()
