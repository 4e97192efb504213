"""The formats of lift requests and results."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from service.requests import LiftRequest, LiftResult
from service.validation import Limits
from service.wire import json_messages, protobuf_messages


@dataclass(frozen=True)
class Codec:
    """One format: how to read requests and write results."""

    media_type: str
    decode: Callable[[bytes, Limits], LiftRequest]
    encode: Callable[[LiftResult], bytes]
    inline_bytes: int
    """Bodies up to this size are decoded at once: in 3 ms, or 50 ms for the most hostile."""


JSON: Final = Codec(
    "application/json", json_messages.decode_request, json_messages.encode_result, 256 * 1024
)
PROTOBUF: Final = Codec(
    "application/x-protobuf",
    protobuf_messages.decode_request,
    protobuf_messages.encode_result,
    1024 * 1024,
)
