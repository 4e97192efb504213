"""Live sessions over plain requests: /v1/sessions."""

from itertools import chain

from fastapi import Request, Response

from service.context import ServiceContext
from service.live.frames import FramePoses
from service.live.registry import Connection
from service.rest.bodies import MemoryBudget, unless_caller_leaves
from service.rest.examples import LIFT_FRAMES, OPEN_SESSION
from service.rest.middleware import admission_of, formats_of
from service.rest.operations import Body, Operations, path_parameter
from service.wire.options import joint_count
from service.wire.served_formats import JSON
from service.wire.stream_messages import OpenedSession
from service.wire.wire_format import WireFormat

_LARGEST_BODY_BYTES = 4 * 1024 * 1024
_BODIES_AT_A_TIME = 16
_ERRORS = (400, 401, 403, 404, 409, 413, 415, 422, 429, 503, 504)
_PATH = "/v1/sessions/{session_id}"
_SESSION_ID = path_parameter("session_id", "The id of an open session.", "anna")


class SessionEndpoints:
    """Opens sessions, lifts frames, says where a session is, and forgets it."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context
        self._budget = MemoryBudget(_LARGEST_BODY_BYTES, _BODIES_AT_A_TIME * _LARGEST_BODY_BYTES)

    def add_to(self, operations: Operations) -> None:
        """Add the routes to these endpoints."""
        operations.add(
            "POST",
            "/v1/sessions",
            self.open,
            operation="open_session",
            operation_id="openSession",
            summary="Open a live session.",
            answer=Body("Session", "Opened"),
            status=201,
            errors=_ERRORS,
            body=Body("OpenSession", "OpenSession", example=OPEN_SESSION),
            budget=self._budget,
        )
        operations.add(
            "POST",
            f"{_PATH}/frames",
            self.frames,
            operation="lift_frames",
            operation_id="liftFrames",
            summary="Lift the next frames of a live session.",
            answer=Body("LiftFramesResponse", "LiftFramesResponse"),
            errors=_ERRORS,
            parameters=[_SESSION_ID],
            body=Body("LiftFramesRequest", "LiftFramesRequest", example=LIFT_FRAMES),
            budget=self._budget,
        )
        operations.add(
            "GET",
            _PATH,
            self.look,
            operation="get_session",
            operation_id="getSession",
            summary="Which frame a session expects next.",
            answer=Body("Session"),
            errors=(401, 403, 404, 503),
            parameters=[_SESSION_ID],
        )
        operations.add(
            "DELETE",
            _PATH,
            self.delete,
            operation="delete_session",
            operation_id="deleteSession",
            summary="Forget a session.",
            answer=None,
            status=204,
            errors=(401, 403, 404, 409, 429, 503),
            parameters=[_SESSION_ID],
        )

    async def open(self, request: Request) -> Response:
        """A session of the id given that exists is resumed."""
        given, wanted = formats_of(request)
        body, sessions = await request.body(), self._context.live
        caller = admission_of(request).caller
        connection = await sessions.create(given.decode_open(body), caller.api_key)
        content = wanted.encode_session(OpenedSession.of(connection))
        return Response(content, 201, media_type=wanted.media_type)

    async def frames(self, request: Request) -> Response:
        """All frames are checked before any is lifted.

        A frame sent again is answered again, for the last 64; after a gap the answer is 409 and
        names the index expected.
        """
        given, wanted = formats_of(request)
        body = await request.body()
        caller = admission_of(request).caller
        connection = await self._context.live.continued(_session_id(request), caller.api_key)
        answers = await unless_caller_leaves(request, _lifted(connection, given, body))
        content = wanted.encode_frames(answers, connection.next_index)
        return Response(content, media_type=wanted.media_type)

    async def look(self, request: Request) -> Response:
        """A stream that has the session goes on undisturbed."""
        session_id, caller = _session_id(request), admission_of(request).caller
        options, card, next_index = await self._context.live.look(session_id, caller.api_key)
        session = OpenedSession(session_id, card, options.axes, next_index)
        return Response(JSON.encode_session(session), media_type=JSON.media_type)

    async def delete(self, request: Request) -> Response:
        """It cannot be resumed; a stream that has it ends."""
        await self._context.live.delete(_session_id(request), admission_of(request).caller.api_key)
        return Response(status_code=204)


def _session_id(request: Request) -> str:
    session_id: str = request.path_params["session_id"]
    return session_id


async def _lifted(connection: Connection, given: WireFormat, body: bytes) -> list[FramePoses]:
    joints = joint_count(connection.session.options.keypoint_format)
    batch = given.decode_frames(body, joints)
    for fault in chain.from_iterable(frame.faults for frame in batch.frames):
        raise fault.error
    answers = [await connection.push(frame) for frame in batch.frames]
    waiting = await connection.waiting() if batch.flush else []
    return [answer for answer in answers if answer is not None] + waiting
