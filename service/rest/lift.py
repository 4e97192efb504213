"""POST /v1/lift."""

from concurrent.futures import ThreadPoolExecutor

from fastapi import Request, Response

from service.body_memory import MemoryBudget
from service.context import ServiceContext
from service.handlers import lift_handler
from service.rest.bodies import unless_caller_leaves
from service.rest.examples import LIFT_REQUESTS
from service.rest.media import wanted_file
from service.rest.middleware import admission_of, formats_of
from service.rest.operations import Body, Operations
from service.wire.pose_files import PoseFile, WrittenFile, described_files

LIFT_PATH = "/v1/lift"

_FILES_AT_A_TIME = 2
"""A long clip's takes seconds to write, and its own size several times in memory."""
_HEADERS = {
    "content-disposition": "Of files: a name, from the clip's id.",
    "poselift-warnings": "Of files: the `warnings` of an answer in JSON.",
}


class LiftEndpoint:
    """Lifts clips of 2D keypoints to 3D poses."""

    def __init__(self, context: ServiceContext) -> None:
        limit = context.limits.max_body_bytes
        self._context = context
        self._budget = MemoryBudget(limit, context.shares.body_bytes)
        self._writing = ThreadPoolExecutor(_FILES_AT_A_TIME, thread_name_prefix="writing")

    def add_to(self, operations: Operations) -> None:
        """Add the route to this endpoint."""
        body = Body("LiftRequest", "LiftRequest", examples=LIFT_REQUESTS)
        answer = Body("LiftResponse", "LiftResponse", files=described_files(), headers=_HEADERS)
        operations.add(
            "POST",
            LIFT_PATH,
            self.lift,
            answer=answer,
            errors=(406,),
            body=body,
            budget=self._budget,
        )

    async def lift(self, request: Request) -> Response:
        """Lift clips of 2D keypoints to 3D poses.

        The answer is in the format that `accept` names, else in that of the request.

        `application/x-protobuf` bodies are messages of `poselift.v1`. The other media types are
        files, of requests with one clip.
        """
        file = wanted_file(request.headers, self._context.formats)
        given, wanted = formats_of(request)
        asked = admission_of(request)
        body = await request.body()
        if file is None:
            work = lift_handler.lift(self._context, body, given, wanted, asked)
            answer = await unless_caller_leaves(request, work)
            return Response(answer, media_type=wanted.media_type)
        writing = lift_handler.lift_to_file(self._context, body, given, file, asked, self._writing)
        return _file_answer(await unless_caller_leaves(request, writing), file)


def _file_answer(file: WrittenFile, output: PoseFile) -> Response:
    headers = {
        "content-type": output.media_type,
        "content-disposition": f'attachment; filename="{file.name}"',
        "poselift-warnings": file.warnings,
    }
    return Response(file.content, headers=headers)
