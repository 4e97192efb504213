"""A lift request's bytes to its answer's bytes, for every transport."""

import asyncio

from service.admission import Deadline
from service.context import ServiceContext
from service.requests import LiftResult
from service.wire.wire_format import WireFormat

_INLINE_FRAMES = 1_000
"""Results of more frames are encoded in a thread, in pieces between which others have a turn."""


class LiftHandler:
    """Decodes, asks the engine and encodes."""

    def __init__(self, context: ServiceContext) -> None:
        self._engine = context.engine
        self._decoder = context.decoder

    async def lift(
        self, body: bytes, given: WireFormat, wanted: WireFormat, deadline: Deadline
    ) -> bytes:
        """Answer a request.

        Args:
            body: the request.
            given: its format.
            wanted: the answer's format.
            deadline: when the request is given up, which the transport enforces.

        Raises:
            PoseliftError: whatever is wrong with the request or the service.
        """
        request = await self._decoder.lift_request(given, body)
        result = await self._engine.lift(request, deadline.remaining_s())
        return await _encoded(result, wanted)


async def _encoded(result: LiftResult, wanted: WireFormat) -> bytes:
    if sum(len(clip.poses.poses) for clip in result.clips) <= _INLINE_FRAMES:
        return wanted.encode_lift_result(result)
    return await asyncio.to_thread(wanted.encode_lift_result, result)
