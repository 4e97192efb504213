"""Live sessions over plain requests: /v1/sessions."""

import time
from collections.abc import AsyncIterator
from functools import partial
from itertools import chain

from fastapi import Request, Response

from service.body_memory import MemoryBudget
from service.context import ServiceContext
from service.live.frames import Frame, FramePoses
from service.live.session import LiveSession
from service.logs import in_session
from service.rest.bodies import unless_caller_leaves
from service.rest.examples import LIFT_FRAMES, OPEN_SESSION
from service.rest.middleware import admission_of, formats_of
from service.rest.operations import Body, Operations
from service.validation import Limits
from service.wire.served_formats import JSON
from service.wire.stream_messages import FrameBatch, OpenedSession
from service.wire.wire_format import WireFormat

_LARGEST_OPENING_BYTES = 64 * 1024
_LARGEST_BODY_BYTES = 4 * 1024 * 1024
_PATH = "/v1/sessions/{session_id}"


class SessionEndpoints:
    """Opens sessions, lifts frames, says where a session is, and forgets it."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context
        self._openings = MemoryBudget(_LARGEST_OPENING_BYTES, context.shares.body_bytes)
        self._budget = MemoryBudget(_LARGEST_BODY_BYTES, context.shares.body_bytes)

    def add_to(self, operations: Operations) -> None:
        """Add the routes to these endpoints."""
        operations.add(
            "POST",
            "/v1/sessions",
            self.open_session,
            answer=Body("Session", "Opened"),
            status=201,
            errors=(404, 409),
            body=Body("OpenSession", "OpenSession", example=OPEN_SESSION),
            budget=self._openings,
        )
        operations.add(
            "POST",
            f"{_PATH}/frames",
            self.lift_frames,
            answer=Body("LiftFramesResponse", "LiftFramesResponse"),
            errors=(404, 409),
            body=Body("LiftFramesRequest", "LiftFramesRequest", example=LIFT_FRAMES),
            budget=self._budget,
        )
        operations.add("GET", _PATH, self.get_session, answer=Body("Session"), errors=(404,))
        delete, errors = self.delete_session, (404, 409, 429)
        operations.add("DELETE", _PATH, delete, answer=None, status=204, errors=errors)

    async def open_session(self, request: Request) -> Response:
        """Open a live session, or resume the one of the id given."""
        given, wanted = formats_of(request)
        body, sessions = await request.body(), self._context.live
        caller = admission_of(request).caller
        options = given.decode_open(body)
        session = await sessions.open(options, caller.name, False, caller.shares_as)
        content = wanted.encode_session(OpenedSession.of(session))
        return Response(content, 201, media_type=wanted.media_type)

    async def lift_frames(self, request: Request) -> Response:
        """Lift the next frames of a live session.

        All frames are checked before any is lifted. A frame sent again is answered again, for the
        last 64; after a gap the answer is 409 and names the index expected.
        """
        given, wanted = formats_of(request)
        body, caller = await request.body(), admission_of(request).caller
        came_at = time.perf_counter()
        session_id, sessions = _session_id(request), self._context.live
        session = await sessions.continued(session_id, caller.name, caller.shares_as)
        lifting = self._lifted(request, session, given, body, came_at)
        answers = await unless_caller_leaves(request, lifting)
        content = wanted.encode_frames(answers, session.next_index)
        return Response(content, media_type=wanted.media_type)

    async def _lifted(
        self,
        request: Request,
        session: LiveSession,
        given: WireFormat,
        body: bytes,
        came_at: float,
    ) -> list[FramePoses]:
        """The answers; each frame counts as come once the one before it is answered."""
        decode = partial(_frames, given, session.options.joint_count())
        party = admission_of(request).caller.party
        batch = await self._context.decoder.decode(decode, body, given.inline_bytes, party)
        for fault in chain.from_iterable(frame.errors for frame in batch.frames):
            raise fault.error
        answers = []
        async for answer in _answers(session, batch):
            answers.append(answer)
            answered_at = time.perf_counter()
            self._context.metrics.frame_answered(answered_at - came_at)
            came_at = answered_at
        return answers

    async def get_session(self, request: Request) -> Response:
        """Tell which frame a session expects next; a stream that has it goes on undisturbed."""
        session_id, owner = _session_id(request), admission_of(request).caller.name
        options, card, next_index = await self._context.live.look(session_id, owner)
        session = OpenedSession(session_id, card, options.axes, next_index)
        return Response(JSON.encode_session(session), media_type=JSON.media_type)

    async def delete_session(self, request: Request) -> Response:
        """Forget a session; a stream that has it ends."""
        await self._context.live.delete(_session_id(request), admission_of(request).caller.name)
        return Response(status_code=204)


def _session_id(request: Request) -> str:
    session_id: str = request.path_params["session_id"]
    in_session(session_id)
    return session_id


async def _answers(session: LiveSession, batch: FrameBatch) -> AsyncIterator[FramePoses]:
    for frame in batch.frames:
        if (answer := await _answer_due(session, frame)) is not None:
            yield answer
    for answer in await session.waiting() if batch.flush else ():
        yield answer


async def _answer_due(session: LiveSession, frame: Frame) -> FramePoses | None:
    """The answer due when this frame comes: the same one however often it comes."""
    due = frame.index - session.options.lookahead_frames
    if frame.index >= session.next_index or due == frame.index:
        return await session.push(frame)
    return None if due < 0 else await session.push(Frame(due, ()))


def _frames(given: WireFormat, joints: int, body: bytes, _: Limits) -> FrameBatch:
    """A body's frames, decoded perhaps in another process."""
    return given.decode_frames(body, joints)
