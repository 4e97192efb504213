"""POST /v1/detect and GET /v1/detectors."""

from collections.abc import Mapping

import orjson
from fastapi import Request, Response
from starlette.datastructures import MutableHeaders
from starlette.types import Receive, Scope, Send

from poselift.video.detection import MOST_LOOKED_FOR
from poselift.video.detectors import USUAL_DETECTOR
from service.context import ServiceContext
from service.rest.bodies import BoundedBody, unless_caller_leaves
from service.rest.media import refuse_compressed
from service.rest.middleware import admission_of
from service.rest.operations import Body, File, Lines, Operations, Schema
from service.wire.options import detect_options
from service.wire.served_formats import JSON
from service.wire.video_uploads import VideoUpload

_COUNT: Schema = {"type": "integer", "minimum": 1}
_QUERY: Mapping[str, tuple[str, Schema]] = {
    "detector": (
        "One that `GET /v1/detectors` lists as installed.",
        {"type": "string", "minLength": 1, "maxLength": 64, "default": USUAL_DETECTOR},
    ),
    "people": (
        "How many people to look for; as many as the detector usually does if left out.",
        {**_COUNT, "maximum": MOST_LOOKED_FOR},
    ),
    "min_frames": (
        "People detected in fewer frames are left out; if left out itself, those seen for less "
        "than half a second.",
        _COUNT,
    ),
}


class DetectEndpoints:
    """Finds people in videos."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def add_to(self, operations: Operations) -> None:
        """Add the routes to these endpoints."""
        operations.add(
            "GET", "/v1/detectors", self.list_detectors, answer=Body("Detectors"), errors=(404,)
        )
        operations.add(
            "POST",
            "/v1/detect",
            self.detect,
            answer=Lines("DetectLine"),
            errors=(404,),
            body=File("A video, such as MP4, MOV, MKV, WebM or AVI."),
            query=_QUERY,
        )

    async def list_detectors(self, _: Request) -> Response:
        """List the detectors that are known, installed or not.

        Off unless the service listens on a loopback address or `POSELIFT_DETECT` is set.
        """
        detectors = [
            {
                "name": each.name,
                "installed": each.is_installed,
                "keypoint_format": each.keypoint_format,
            }
            for each in self._context.videos.detectors
        ]
        return Response(orjson.dumps({"detectors": detectors}), media_type=JSON.media_type)

    async def detect(self, request: Request) -> Response:
        """Find people in a video, for a lift request.

        Off unless the service listens on a loopback address or `POSELIFT_DETECT` is set. The answer
        is JSON lines: `progress` while pictures are worked on, in the end `request`, a lift request
        with `warnings` of how the video was read, or `error`, a problem.
        """
        refuse_compressed(request.headers)
        options = detect_options(dict(request.query_params))
        declared = request.headers.get("content-length", "0")
        upload = self._context.videos.begin(options, int(declared) if declared.isdecimal() else 0)
        try:
            await admission_of(request).deadline.bound(_receive(request, upload))
        except BaseException:
            upload.close()
            raise
        return _DetectionResponse(request, upload)


async def _receive(request: Request, upload: VideoUpload) -> None:
    """Write a video to a file as it comes; who sends too slowly loses the place to another."""
    paced = Request(request.scope, BoundedBody(request.receive, None))
    async for content in paced.stream():
        await upload.write(content)


class _DetectionResponse(Response):
    """Sends lines as they come, and gives up when the caller has gone."""

    media_type = Lines.media_type

    def __init__(self, request: Request, upload: VideoUpload) -> None:
        super().__init__()
        del MutableHeaders(raw=self.raw_headers)["content-length"]
        self._request = request
        self._upload = upload

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Send the answer; a request's own ``receive`` tells when its caller leaves."""
        try:
            await unless_caller_leaves(self._request, self._send(send))
        finally:
            self._upload.close()

    async def _send(self, send: Send) -> None:
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        await send(start)

        async def tell(piece: bytes) -> None:
            await send({"type": "http.response.body", "body": piece, "more_body": True})

        await self._upload.detect(tell)
        self._upload.close()  # who has read the answer to its end finds room for another video
        await send({"type": "http.response.body", "body": b"", "more_body": False})
