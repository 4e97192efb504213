"""POST /v1/convert."""

import json
from collections.abc import Mapping
from email.message import Message
from pathlib import PurePosixPath
from typing import Any

from fastapi import Request, Response

from poselift.formats import FORMATS
from poselift.readers.registry import READERS
from service.body_memory import MemoryBudget
from service.context import ServiceContext
from service.requests import ConvertOptions
from service.rest.bodies import unless_caller_leaves
from service.rest.middleware import admission_of
from service.rest.operations import Body, File, Operations, Schema
from service.wire.conversion import Conversion
from service.wire.options import convert_options
from service.wire.served_formats import JSON

_UNNAMED = "file"
_TEXT: Schema = {"type": "string", "maxLength": 200}
_QUERY: Mapping[str, tuple[str, Schema]] = {
    "name": ("The file's name, by whose ending some formats are known.", _TEXT),
    "reader": (
        "The reader, for files that none or several take.",
        {"enum": [reader.name for reader in READERS]},
    ),
    "keypoint_format": ("If the file does not tell it.", {"enum": list(FORMATS)}),
    "image_size": (
        "Width and height in pixels, as in `1920,1080`; outdoes what the file says.",
        {"type": "string", "pattern": r"^[1-9][0-9]{0,4},[1-9][0-9]{0,4}$"},
    ),
    "fps": ("Frames per second; outdoes what the file says.", {"type": "number", "minimum": 1}),
    "min_frames": (
        "People detected in fewer frames are left out.",
        {"type": "integer", "minimum": 1, "default": 1},
    ),
}


class ConvertEndpoint:
    """Turns the files of detectors and tools into lift requests."""

    def __init__(self, context: ServiceContext) -> None:
        limit = context.limits.max_body_bytes
        self._context = context
        self._budget = MemoryBudget(limit, context.shares.body_bytes)

    def add_to(self, operations: Operations) -> None:
        """Add the route to this endpoint."""
        operations.add(
            "POST",
            "/v1/convert",
            self.convert,
            answer=Body("ConvertedFile"),
            errors=(404,),
            body=File("A file as a detector or tool wrote it, or a ZIP archive of a folder."),
            budget=self._budget,
            query=_QUERY,
        )

    async def convert(self, request: Request) -> Response:
        """Convert a file that a detector or tool wrote to a lift request.

        Off unless the service listens on a loopback address or `POSELIFT_CONVERT` is set. The
        file's name is in the query or in `content-disposition`. `image_size` is left out of the
        answer where nothing tells it. The headers `poselift-reader` and `poselift-notes` say how
        the file was read.
        """
        converter = self._context.file_converter
        conversion = Conversion(_options(request))
        party = admission_of(request).caller.party
        work = converter.elsewhere(conversion, await request.body(), party)
        converted = await unless_caller_leaves(request, work)
        notes = json.dumps(converted.notes)
        headers = {"poselift-reader": converted.reader, "poselift-notes": notes}
        return Response(converted.body, media_type=JSON.media_type, headers=headers)


def _options(request: Request) -> ConvertOptions:
    fields: dict[str, Any] = dict(request.query_params)
    if "image_size" in fields:
        fields["image_size"] = fields["image_size"].split(",")
    name = fields.get("name") or _sent_name(request.headers.get("content-disposition", ""))
    fields["name"] = PurePosixPath(name.replace("\\", "/")).name or _UNNAMED
    return convert_options(fields)


def _sent_name(disposition: str) -> str:
    message = Message()
    message["content-disposition"] = disposition.replace("\r", " ").replace("\n", " ")
    return message.get_filename(_UNNAMED) or _UNNAMED
