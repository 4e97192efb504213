"""Which format a body is in, and which one the answer is to be in."""

from collections.abc import Sequence
from typing import NamedTuple

from starlette.datastructures import Headers

from service.request_errors import UnsupportedMediaType
from service.wire.wire_format import WireFormat

_ANYTHING = frozenset({"*/*", "application/*"})
_UTF8 = frozenset({"utf-8", "utf8", "us-ascii"})


class Negotiated(NamedTuple):
    """The formats of one request."""

    given: WireFormat
    wanted: WireFormat


class Negotiation:
    """Chooses among the formats that are served."""

    def __init__(self, formats: Sequence[WireFormat]) -> None:
        self._named = {name: each for each in formats for name in each.media_types}
        self._expected = " or ".join(each.media_type for each in formats)

    def negotiated(self, headers: Headers) -> Negotiated:
        """The formats that the headers name.

        Raises:
            UnsupportedMediaType: the content type names none, or another character set than
                UTF-8; or the body is compressed.
        """
        given = self._given(headers.get("content-type", ""))
        wanted = self._wanted(headers.get("accept", "*/*"), same=given)
        _refuse_compressed(headers.get("content-encoding", "identity"))
        return Negotiated(given, wanted)

    def _given(self, content_type: str) -> WireFormat:
        name, _, parameters = content_type.partition(";")
        found = self._find(name)
        if found is None or not _is_utf8(parameters):
            raise UnsupportedMediaType(
                f"content-type: expected {self._expected}, found {content_type[:200]!r}"
            )
        return found

    def _wanted(self, accept: str, same: WireFormat) -> WireFormat:
        """The format that the caller accepts best; the request's own if they have no preference."""
        accepted = [_preference(part) for part in accept.split(",")]
        # Sorting keeps the order of equals, and callers name first what they like best.
        for weight, name in sorted(accepted, key=lambda preference: -preference[0]):
            if weight == 0:
                break
            if name in _ANYTHING:
                return same
            if found := self._find(name):
                return found
        return same

    def _find(self, media_type: str) -> WireFormat | None:
        return self._named.get(media_type.strip().lower())


def _refuse_compressed(content_encoding: str) -> None:
    coding = content_encoding.strip().lower()
    if coding not in {"identity", ""}:
        raise UnsupportedMediaType(
            f"content-encoding: expected none, found {coding[:100]!r}", is_compressed=True
        )


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
