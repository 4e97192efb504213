"""The wire formats that are served."""

from typing import Final

from service.wire.json_format import JsonFormat
from service.wire.protobuf_format import ProtobufFormat
from service.wire.wire_format import WireFormat

JSON: Final = JsonFormat()
PROTOBUF: Final = ProtobufFormat()
SERVED_FORMATS: Final[tuple[WireFormat, ...]] = (JSON, PROTOBUF)
"""The first is the one of callers who choose none."""
