"""Errors of the service: why a request is refused or a session ends.

``service.error_table`` says how each is told over HTTP, WebSocket and gRPC.
"""

from poselift.errors import FieldError, PoseliftError


class Unreadable(PoseliftError):
    """The bytes are not a message: bad JSON, not UTF-8, truncated protobuf."""


class TooLarge(PoseliftError):
    """The request is over one of the service's limits."""


class UnsupportedMediaType(PoseliftError):
    """The body's content type or coding is none that the service reads."""

    def __init__(self, detail: str, is_compressed: bool = False) -> None:
        super().__init__(detail)
        self.is_compressed = is_compressed


class NotAcceptable(PoseliftError):
    """The answer cannot be written in the format that the caller accepts."""


class Unauthenticated(PoseliftError):
    """No API key was given where one is needed."""


class Forbidden(PoseliftError):
    """The API key given opens nothing here."""


class ForeignOrigin(PoseliftError):
    """A page of another origin asks, which the service does not allow."""


class UnknownHost(PoseliftError):
    """The request is for a host that this service is not."""


class NotFound(PoseliftError):
    """The path names something that does not exist."""


class Overloaded(PoseliftError):
    """There is too much to do; the same request may be sent again after ``retry_after_s``.

    ``reason`` says in metrics what there is too much of.
    """

    def __init__(self, detail: str, retry_after_s: float = 1.0, reason: str = "queue") -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s
        self.reason = reason


class Unavailable(PoseliftError):
    """The service is starting or draining, or its session store is away."""


class DeadlineExceeded(PoseliftError):
    """The answer was not ready before the deadline."""


class IndexGap(PoseliftError):
    """A frame came out of turn; ``next_index`` is the index expected."""

    def __init__(self, found: int, next_index: int) -> None:
        super().__init__(
            f"index: expected {next_index}, found {found}", (FieldError("index", str(next_index)),)
        )
        self.next_index = next_index


class Fenced(PoseliftError):
    """Another connection has opened the session since, and writes it now."""


class StoreError(PoseliftError):
    """The session store cannot be used; raised at start-up, never to a caller."""
