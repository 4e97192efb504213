"""How much packed content may become: what is far more than any keypoints or motion is refused."""

from typing import Final

from poselift.errors import InvalidInput

MOST_RATIO: Final = 100
"""Bytes unpacked for one that is packed: keypoints in JSON and motion in text make 5 to 15."""
_SMALL_BYTES: Final = 16 * 2**20
"""What unpacks to so little is read whatever the ratio."""


def check_ratio(where: str, unpacked_bytes: int, packed_bytes: int, most: int = MOST_RATIO) -> None:
    """Refuse what was packed to next to nothing, before it is unpacked.

    Raises:
        InvalidInput: it was.
    """
    if unpacked_bytes > max(_SMALL_BYTES, most * packed_bytes):
        found = f"{unpacked_bytes} bytes in {packed_bytes}"
        raise InvalidInput.at(where, f"content packed to 1/{most} at best, found {found}")
