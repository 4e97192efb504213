"""Protobuf."""

from service.wire.protobuf_reading import ProtobufReader
from service.wire.protobuf_writing import ProtobufWriter
from service.wire.wire_format import WireFormat


class ProtobufFormat(ProtobufReader, ProtobufWriter, WireFormat):
    """Messages of ``poselift.v1``, serialised."""

    media_types = ("application/x-protobuf", "application/protobuf")
    subprotocol = "poselift.v1.protobuf"
    is_text = False
    inline_bytes = 1024 * 1024  # as long to decode as the limit of JSON
