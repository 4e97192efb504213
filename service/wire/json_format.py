"""JSON."""

from service.wire.json_reading import JsonReader
from service.wire.json_writing import JsonWriter
from service.wire.wire_format import WireFormat


class JsonFormat(JsonReader, JsonWriter, WireFormat):
    """Messages as JSON in UTF-8."""

    media_types = ("application/json",)
    subprotocol = "poselift.v1.json"
    is_text = True
    inline_bytes = 256 * 1024  # 3 ms, or 50 ms for the most hostile body
