"""Exit statuses, and what is wrong with a command line."""

from typing import Final

from poselift.errors import PoseliftError

OK: Final = 0
"""All inputs were lifted, or were already."""
FAILED: Final = 1
"""Some input failed; the others are written."""
WRONG_USAGE: Final = 2
"""The command line is wrong; nothing was begun."""


class UsageError(PoseliftError):
    """An option or its value is wrong, whatever the inputs hold."""

    @classmethod
    def at(cls, where: str, expected: str) -> "UsageError":
        """An error about one option."""
        return cls(f"{where}: expected {expected}")
