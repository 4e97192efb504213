"""Errors of the library: wrong input, and models that cannot be loaded or run."""

from dataclasses import dataclass


@dataclass(frozen=True)
class FieldError:
    """One wrong place in an input, and what was expected there."""

    where: str
    expected: str


class PoseliftError(Exception):
    """Base of all errors that poselift raises on purpose.

    Attributes:
        detail: what is wrong, where, and what was expected.
        field_errors: the same by place, for programs.
    """

    def __init__(self, detail: str, field_errors: tuple[FieldError, ...] = ()) -> None:
        super().__init__(detail)
        self.detail = detail
        self.field_errors = field_errors


class InvalidInput(PoseliftError):
    """The input was read, and something in it is wrong."""

    @classmethod
    def at(cls, where: str, expected: str) -> "InvalidInput":
        """An error about a single place."""
        return cls(f"{where}: expected {expected}", (FieldError(where, expected),))


class ModelError(PoseliftError):
    """A model folder cannot be loaded, or its files disagree with each other."""


class RuntimeNotInstalled(ModelError):
    """ONNX Runtime is missing, or installed twice."""


class UnsupportedSystem(PoseliftError):
    """This does not run on this operating system."""


class MissingPackage(PoseliftError):
    """A package is not installed that is needed for this alone."""

    @classmethod
    def needed(cls, package: str, purpose: str, extra: str) -> "MissingPackage":
        """What needs it, and how to install it."""
        return cls(f"{purpose} need {package}: pip install 'poselift[{extra}]'")
