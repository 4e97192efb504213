"""The domain's errors: one class for each thing that can go wrong, known to every transport."""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class Problem:
    """One fault in a request: the place it sits at and what was expected there."""

    where: str
    expected: str


class PoseliftError(Exception):
    """Base of all errors that a caller may see; ``slug`` and ``title`` never change."""

    slug: ClassVar[str] = "internal"
    title: ClassVar[str] = "Internal error"

    def __init__(self, detail: str, problems: tuple[Problem, ...] = ()) -> None:
        super().__init__(detail)
        self.detail = detail
        self.problems = problems


class Unreadable(PoseliftError):
    """The bytes are not a message: bad JSON, not UTF-8, truncated protobuf."""

    slug = "unreadable"
    title = "The body cannot be read"


class Invalid(PoseliftError):
    """The message was read, and something in it is wrong."""

    slug = "invalid"
    title = "The request is invalid"

    @classmethod
    def at(cls, where: str, expected: str) -> "Invalid":
        """An error about a single place."""
        return cls(f"{where}: expected {expected}", (Problem(where, expected),))


class TooLarge(PoseliftError):
    """The request is over one of the service's limits."""

    slug = "too-large"
    title = "The request is too large"


class UnsupportedMediaType(PoseliftError):
    """The body's content type is none that the service reads."""

    slug = "unsupported-media-type"
    title = "Unsupported content type"


class Unauthenticated(PoseliftError):
    """No API key was given where one is needed."""

    slug = "unauthenticated"
    title = "An API key is needed"


class Forbidden(PoseliftError):
    """The API key given opens nothing here."""

    slug = "forbidden"
    title = "The API key is not accepted"


class NotFound(PoseliftError):
    """The path names something that does not exist."""

    slug = "not-found"
    title = "Not found"


class Overloaded(PoseliftError):
    """The queue is full; the same request may be sent again after a while."""

    slug = "overloaded"
    title = "Too many requests"

    def __init__(self, detail: str, retry_after_s: float = 1.0) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class Unavailable(PoseliftError):
    """The service is starting or draining."""

    slug = "unavailable"
    title = "Not available right now"


class DeadlineExceeded(PoseliftError):
    """The answer was not ready before the deadline."""

    slug = "deadline-exceeded"
    title = "Deadline exceeded"


class ModelError(PoseliftError):
    """A model folder cannot be served; raised at start-up, never to a caller."""

    slug = "model"
    title = "The model cannot be served"


class IndexGap(PoseliftError):
    """A frame came whose turn it is not; ``next_index`` is the one expected."""

    slug = "index-gap"
    title = "Another frame is expected"

    def __init__(self, found: int, next_index: int) -> None:
        super().__init__(
            f"index: expected {next_index}, found {found}",
            (Problem("index", str(next_index)),),
        )
        self.next_index = next_index


class Fenced(PoseliftError):
    """Somebody else has opened the session since, and writes it now."""

    slug = "fenced"
    title = "The session was taken over"


class StoreError(PoseliftError):
    """The session store cannot be used; raised at start-up, never to a caller."""

    slug = "store"
    title = "The session store cannot be used"
