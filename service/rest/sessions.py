"""Live sessions over plain requests: /v1/sessions."""

import asyncio
from itertools import chain

from fastapi import APIRouter, Request, Response

from poselift.formats import FORMATS
from service.context import ServiceContext
from service.gate import gate
from service.live.frames import FramePoses
from service.live.registry import Connection
from service.request_errors import DeadlineExceeded
from service.rest.access import api_key
from service.rest.bodies import Intake, unless_caller_leaves
from service.rest.media import answer_codec, request_codec
from service.wire.codecs import PROTOBUF, Codec
from service.wire.live_json import LIVE_JSON
from service.wire.live_messages import LiveCodec
from service.wire.live_protobuf import LIVE_PROTOBUF

_LARGEST_BODY_BYTES = 4 * 1024 * 1024
_BODIES_AT_A_TIME = 16


class SessionEndpoints:
    """Opens sessions, lifts frames, says where a session is, and forgets it."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context
        self._intake = Intake(_LARGEST_BODY_BYTES, _BODIES_AT_A_TIME * _LARGEST_BODY_BYTES)

    def router(self) -> APIRouter:
        """The routes to these endpoints."""
        router = APIRouter()
        router.add_api_route("/v1/sessions", self.open, methods=["POST"])
        router.add_api_route("/v1/sessions/{session_id}/frames", self.frames, methods=["POST"])
        router.add_api_route("/v1/sessions/{session_id}", self.look, methods=["GET"])
        router.add_api_route("/v1/sessions/{session_id}", self.delete, methods=["DELETE"])
        return router

    async def open(self, request: Request) -> Response:
        """Open a session, or resume the one of the id given."""
        key = api_key(request)
        with gate(self._context, "http", "open_session", key):
            given, wanted = _codecs(request)
            with self._intake.place() as place:
                body = await place.read(request, self._context.request_timeout_s)
                connection = await self._context.live.create(given.decode_open(body), key)
            return _opened(connection, wanted)

    async def frames(self, request: Request, session_id: str) -> Response:
        """Lift the next frames of a session; all are checked before any is lifted."""
        key = api_key(request)
        with gate(self._context, "http", "lift_frames", key):
            given, wanted = _codecs(request)
            with self._intake.place() as place:
                body = await place.read(request, self._context.request_timeout_s)
                connection = await self._context.live.continued(session_id, key)
                work = self._lifted(connection, given, body)
                answers = await unless_caller_leaves(request, work)
            content = wanted.encode_frames(answers, connection.next_index)
            return Response(content, media_type=wanted.media_type)

    async def _lifted(
        self, connection: Connection, codec: LiveCodec, body: bytes
    ) -> list[FramePoses]:
        joints = len(FORMATS[connection.session.options.keypoint_format].joints)
        batch = codec.decode_frames(body, joints)
        for fault in chain.from_iterable(frame.faults for frame in batch.frames):
            raise fault.error
        try:
            async with asyncio.timeout(self._context.request_timeout_s):
                answers = [await connection.push(frame) for frame in batch.frames]
                waiting = await connection.waiting() if batch.flush else []
        except TimeoutError:
            raise DeadlineExceeded("the frames were not lifted in time") from None
        return [answer for answer in answers if answer is not None] + waiting

    async def look(self, request: Request, session_id: str) -> Response:
        """Say which frame a session expects next; whoever writes it goes on undisturbed."""
        key = api_key(request)
        with gate(self._context, "http", "get_session", key):
            options, card, next_index = await self._context.live.look(session_id, key)
            content = LIVE_JSON.encode_session(session_id, card, options.axes, next_index)
            return Response(content, media_type=LIVE_JSON.media_type)

    async def delete(self, request: Request, session_id: str) -> Response:
        """Forget a session."""
        key = api_key(request)
        with gate(self._context, "http", "delete_session", key):
            await self._context.live.delete(session_id, key)
            return Response(status_code=204)


def _codecs(request: Request) -> tuple[LiveCodec, LiveCodec]:
    given = request_codec(request)
    return _live(given), _live(answer_codec(request, same=given))


def _live(codec: Codec) -> LiveCodec:
    return LIVE_PROTOBUF if codec is PROTOBUF else LIVE_JSON


def _opened(connection: Connection, codec: LiveCodec) -> Response:
    session = connection.session
    content = codec.encode_session(
        session.id, connection.card, session.options.axes, session.next_index
    )
    return Response(content, 201, media_type=codec.media_type)
