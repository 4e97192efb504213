"""Errors as RFC 9457 problem details, for every transport."""

from typing import Any

from service.errors import IndexGap, PoseliftError

_TYPE_PREFIX = "urn:poselift:problem:"
_LONGEST_TEXT = 1_000
"""Bytes. gRPC sends a text in a trailer, three for one if not ASCII, and 8 kB hold all trailers."""


def problem(error: PoseliftError, status: int | None = None) -> dict[str, Any]:
    """The problem details of an error; ``status`` is HTTP's, where the transport is HTTP."""
    details: dict[str, Any] = {"type": _TYPE_PREFIX + error.slug, "title": error.title}
    if status is not None:
        details["status"] = status
    details["detail"] = shortened(error.detail)
    if isinstance(error, IndexGap):
        details["next_index"] = error.next_index
    if error.problems:
        details["errors"] = [
            {"where": fault.where, "expected": shortened(fault.expected)}
            for fault in error.problems
        ]
    return details


def shortened(text: str) -> str:
    """The text without most of what a caller may have put into it at great length."""
    encoded = text.encode(errors="replace")
    if len(encoded) <= _LONGEST_TEXT:
        return encoded.decode()
    return encoded[:_LONGEST_TEXT].decode(errors="ignore") + "…"
