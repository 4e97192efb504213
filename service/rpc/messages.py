"""Messages as gRPC brings them: gRPC decompresses none, since it does so without bounds."""

import zlib

from service.request_errors import TooLarge, Unreadable

_GZIP = b"\x1f\x8b\x08"
"""No message of ours begins so: it would be a field of a type that does not exist."""
_DEFLATE = 0x78
_ANY_HEADER = 32 + zlib.MAX_WBITS
"""Of gzip or of zlib, which gRPC calls deflate."""


def is_compressed(message: bytes) -> bool:
    """Whether a message came compressed; gRPC does not tell."""
    if message.startswith(_GZIP):
        return True
    # A field 15 without a length could begin so. There is none.
    is_zlib = len(message) > 1 and message[0] == _DEFLATE
    return is_zlib and int.from_bytes(message[:2], "big") % 31 == 0


def inflated(message: bytes, largest: int) -> bytes:
    """A message without its compression, if it has any; takes a while where it is large.

    Raises:
        TooLarge: it would have more than ``largest`` bytes.
        Unreadable: it is cut off, or is not compressed as it says.
    """
    if not is_compressed(message):
        return message
    stream = zlib.decompressobj(_ANY_HEADER)
    try:
        content = stream.decompress(message, largest + 1)
    except zlib.error as error:
        raise Unreadable(f"the message cannot be decompressed: {error}") from None
    if len(content) > largest:
        raise TooLarge(f"the message is over the limit of {largest} bytes")
    if not stream.eof:
        raise Unreadable("the compressed message is cut off")
    return content
