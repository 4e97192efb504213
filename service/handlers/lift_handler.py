"""A lift request's bytes to its answer's bytes, for every transport."""

import asyncio
from concurrent.futures import Executor

from service.admission import Deadline
from service.context import ServiceContext
from service.wire.pose_files import PoseFile, WrittenFile
from service.wire.wire_format import WireFormat

_INLINE_FRAMES = 1_000
"""Results of more frames are encoded in a thread, in pieces between which others have a turn."""


async def lift(
    context: ServiceContext, body: bytes, given: WireFormat, wanted: WireFormat, deadline: Deadline
) -> bytes:
    """Answer a request, given in one format, in the wanted one; the transport bounds its time.

    Raises:
        PoseliftError: whatever is wrong with the request or the service.
    """
    request = await context.decoder.lift_request(given, body)
    result = await context.engine.lift(request, deadline.at)
    if sum(len(clip.poses) for clip in result.clips) <= _INLINE_FRAMES:
        return wanted.encode_lift_result(result)
    return await asyncio.to_thread(wanted.encode_lift_result, result)


async def lift_to_file(
    context: ServiceContext,
    body: bytes,
    given: WireFormat,
    wanted: PoseFile,
    deadline: Deadline,
    writing: Executor,
) -> WrittenFile:
    """Answer a request of one clip with a file, which ``writing`` writes.

    Raises:
        PoseliftError: whatever is wrong with the request or the service.
    """
    request = await context.decoder.lift_request(given, body)
    wanted.check(request)
    result = await context.engine.lift(request, deadline.at)
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(writing, wanted.written, result.clips[0], context.limits)
