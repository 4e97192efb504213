"""A lift request's bytes to its answer's bytes: what the transports have in common."""

import asyncio

from service.context import ServiceContext
from service.request_errors import DeadlineExceeded
from service.requests import LiftResult
from service.wire.codecs import Codec

_INLINE_FRAMES = 1_000
"""Results of more frames are encoded in a thread, in pieces between which others have a turn."""


class Exchange:
    """Decodes, asks the engine and encodes."""

    def __init__(self, context: ServiceContext) -> None:
        self._engine = context.engine
        self._decoder = context.decoder

    async def lift(self, body: bytes, given: Codec, wanted: Codec, timeout_s: float) -> bytes:
        """Answer a request.

        Args:
            body: the request.
            given: its format.
            wanted: the answer's format.
            timeout_s: seconds after which nobody waits for the answer.

        Raises:
            DeadlineExceeded: it took longer.
            PoseliftError: whatever else is wrong with the request or the service.
        """
        deadline = asyncio.get_running_loop().time() + timeout_s
        try:
            async with asyncio.timeout_at(deadline):
                request = await self._decoder.lift_request(given, body)
                remaining_s = deadline - asyncio.get_running_loop().time()
                result = await self._engine.lift(request, remaining_s)
                return await _encoded(result, wanted)
        except TimeoutError:
            raise DeadlineExceeded(f"no answer within {timeout_s:.3g} s") from None


async def _encoded(result: LiftResult, codec: Codec) -> bytes:
    if sum(len(clip.lifted.poses) for clip in result.clips) <= _INLINE_FRAMES:
        return codec.encode(result)
    return await asyncio.to_thread(codec.encode, result)
