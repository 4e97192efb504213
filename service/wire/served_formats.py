"""The wire formats that are served: each a class that reads and writes all messages."""

from typing import Final

from service.wire.json_reading import JsonReader
from service.wire.json_writing import JsonWriter
from service.wire.protobuf_reading import ProtobufReader
from service.wire.protobuf_writing import ProtobufWriter
from service.wire.wire_format import WireFormat


class JsonFormat(JsonReader, JsonWriter, WireFormat):
    """Messages as JSON in UTF-8."""

    media_types = ("application/json",)
    subprotocol = "poselift.v1.json"
    is_text = True
    inline_bytes = 16 * 1024  # 0.2 ms, or 3 ms for the most hostile body


class ProtobufFormat(ProtobufReader, ProtobufWriter, WireFormat):
    """Messages of ``poselift.v1``, serialised."""

    media_types = ("application/x-protobuf", "application/protobuf")
    subprotocol = "poselift.v1.protobuf"
    is_text = False
    inline_bytes = 64 * 1024  # as long to decode as the limit of JSON


JSON: Final = JsonFormat()
PROTOBUF: Final = ProtobufFormat()
SERVED_FORMATS: Final[tuple[WireFormat, ...]] = (JSON, PROTOBUF)
"""The first is the one of callers who choose none."""
