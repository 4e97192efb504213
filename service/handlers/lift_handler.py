"""A lift request's bytes to its answer's bytes, for every transport."""

import asyncio
from concurrent.futures import Executor

from service.admission import Admitted
from service.context import ServiceContext
from service.intake import Asked
from service.wire.pose_files import PoseFile, WrittenFile
from service.wire.wire_format import WireFormat

_INLINE_FRAMES = 1_000
"""Results of more frames are encoded in a thread, in pieces between which others have a turn."""


def expect(context: ServiceContext, size: int, given: WireFormat, asked: Admitted) -> None:
    """Refuse a request, if need be, before its body of so many bytes is here.

    Raises:
        Overloaded: it would wait for too long, or not be done by its deadline.
    """
    context.intake.expect(_asked(size, given, asked))


async def lift(
    context: ServiceContext, body: bytes, given: WireFormat, wanted: WireFormat, asked: Admitted
) -> bytes:
    """Answer a request, given in one format, in the wanted one; the transport bounds its time.

    Raises:
        PoseliftError: whatever is wrong with the request or the service.
    """
    with context.intake.enter(_asked(len(body), given, asked)) as visit:
        request = await context.decoder.lift_request(given, body, asked.caller.party)
        result = await context.engine.lift(request, asked.deadline.at, visit)
        if sum(len(clip.poses) for clip in result.clips) <= _INLINE_FRAMES:
            return wanted.encode_lift_result(result)
        return await asyncio.to_thread(wanted.encode_lift_result, result)


async def lift_to_file(
    context: ServiceContext,
    body: bytes,
    given: WireFormat,
    wanted: PoseFile,
    asked: Admitted,
    writing: Executor,
) -> WrittenFile:
    """Answer a request of one clip with a file, which ``writing`` writes.

    Raises:
        PoseliftError: whatever is wrong with the request or the service.
    """
    with context.intake.enter(_asked(len(body), given, asked)) as visit:
        request = await context.decoder.lift_request(given, body, asked.caller.party)
        wanted.check(request)
        result = await context.engine.lift(request, asked.deadline.at, visit)
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(writing, wanted.written, result.clips[0], context.limits)


def _asked(size: int, given: WireFormat, asked: Admitted) -> Asked:
    return Asked(asked.caller.party, given.media_type, size, asked.deadline.at, asked.waited_s)
