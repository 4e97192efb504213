"""Errors as RFC 9457 problem details, for every transport."""

from typing import Any

from service.errors import PoseliftError

_TYPE_PREFIX = "urn:poselift:problem:"
_LONGEST_DETAIL = 1_000


def problem(error: PoseliftError, status: int | None = None) -> dict[str, Any]:
    """The problem details of an error; ``status`` is HTTP's, where the transport is HTTP."""
    details: dict[str, Any] = {"type": _TYPE_PREFIX + error.slug, "title": error.title}
    if status is not None:
        details["status"] = status
    details["detail"] = shortened(error.detail)
    if error.problems:
        details["errors"] = [
            {"where": fault.where, "expected": shortened(fault.expected)}
            for fault in error.problems
        ]
    return details


def shortened(text: str) -> str:
    """The text without most of what a caller may have put into it at great length."""
    return text if len(text) <= _LONGEST_DETAIL else text[:_LONGEST_DETAIL] + "…"
