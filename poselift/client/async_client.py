"""The client for asyncio: the same as the one that blocks, awaited."""

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self, Unpack

from numpy.typing import ArrayLike

from poselift.client.address import Address
from poselift.client.client import AHEAD, MOST_AHEAD, TIMEOUT_S
from poselift.client.frames import FramePoses, People
from poselift.client.live import LiveFlow
from poselift.client.messages import (
    Clip,
    Keypoints,
    LiftOptions,
    ModelInfo,
    SessionOptions,
    lift_request,
    lifted,
    models_of,
    of_the_clip,
)
from poselift.client.retries import asked, run_async
from poselift.client.transport import AsyncConnection, AsyncTransport
from poselift.poses import Poses


class AsyncClient:
    """``poselift.Client`` for asyncio, of one event loop; its tasks may share it."""

    def __init__(
        self,
        url: str,
        *,
        api_key: str | None = None,
        timeout_s: float = TIMEOUT_S,
        ca_file: str | Path | None = None,
    ) -> None:
        """Make a client; see ``Client``."""
        self._address = Address.of(url, ca_file)
        self._timeout_s = timeout_s
        self._transport = _transport(self._address, api_key)

    async def lift(
        self,
        keypoints: Keypoints,
        *,
        timestamps_s: ArrayLike | None = None,
        first_frame: int = 0,
        **options: Unpack[LiftOptions],
    ) -> Poses:
        """Lift the keypoints of one person; see ``Client.lift``."""
        with of_the_clip():
            clip = Clip(keypoints, first_frame, timestamps_s)
            (poses,) = await self.lift_clips([clip], **options)
        return poses

    async def lift_clips(
        self, clips: Sequence[Clip | Keypoints], **options: Unpack[LiftOptions]
    ) -> list[Poses]:
        """Lift clips of one person each in one request; see ``Client.lift_clips``."""
        body = lift_request(clips, options)
        ask = asked(lambda transport, left_s: transport.lift(body, left_s), self._timeout_s)
        return lifted(await run_async(ask, self._transport), clips, options)

    async def models(self) -> list[ModelInfo]:
        """The models that the server serves; see ``Client.models``."""
        ask = asked(lambda transport, left_s: transport.models(left_s), self._timeout_s)
        return models_of(await run_async(ask, self._transport))

    def stream(self, **options: Unpack[SessionOptions]) -> "AsyncSession":
        """A live session, to be used in an ``async with`` block; see ``Client.stream``."""
        flow = LiveFlow(options, self._timeout_s, str(self._address))
        return AsyncSession(flow, self._transport.stream())

    async def close(self) -> None:
        """End the client's connections."""
        await self._transport.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()


class AsyncSession:
    """A live session, as ``Session``, whose calls are awaited one after the other."""

    def __init__(self, flow: LiveFlow, connection: AsyncConnection) -> None:
        self._flow = flow
        self._connection = connection

    @property
    def session_id(self) -> str | None:
        """The id by which it is resumed; None before the server has given one."""
        return self._flow.session_id

    @property
    def next_index(self) -> int:
        """The index of the frame that is pushed next; above 0 where it was resumed."""
        return self._flow.next_index

    @property
    def model(self) -> ModelInfo | None:
        """The model that lifts it; None before it is open."""
        return self._flow.model

    async def open(self) -> Self:
        """Open or resume it; ``push`` does it by itself, an ``async with`` block too."""
        await run_async(self._flow.open(), self._connection)
        return self

    async def push(
        self,
        people: People,
        *,
        timestamp_s: float | None = None,
        index: int | None = None,
    ) -> FramePoses | None:
        """Lift the next frame; see ``Session.push``."""
        return await run_async(self._flow.push(people, timestamp_s, index), self._connection)

    async def lift(
        self,
        frames: Iterable[People] | AsyncIterable[People],
        *,
        timestamps_s: Iterable[float] | None = None,
        ahead: int = AHEAD,
    ) -> AsyncIterator[FramePoses]:
        """Lift frames to their end and close the session; see ``Session.lift``."""
        times = iter(timestamps_s) if timestamps_s is not None else None
        most = max(0, min(ahead, MOST_AHEAD))
        async for people in _each(frames):
            time = None if times is None else next(times)
            await run_async(self._flow.send(people, time), self._connection)
            while self._flow.in_flight > most or self._flow.has_ready:
                yield await run_async(self._flow.receive(), self._connection)
        for answer in await self.close():
            yield answer

    async def close(self) -> list[FramePoses]:
        """End the session for good; the answers that were still to come."""
        return await run_async(self._flow.close(), self._connection)

    async def leave(self) -> None:
        """End the connection, and leave the session to be resumed by its id."""
        await run_async(self._flow.leave(), self._connection)

    async def __aenter__(self) -> Self:
        return await self.open()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            await self.close()
        else:
            await self.leave()


async def _each(frames: Iterable[People] | AsyncIterable[People]) -> AsyncIterator[People]:
    if isinstance(frames, AsyncIterable):
        async for people in frames:
            yield people
    else:
        for people in frames:
            yield people


def _transport(address: Address, api_key: str | None) -> AsyncTransport:
    if address.is_grpc:
        from poselift.client.rpc import AsyncRpcTransport  # noqa: PLC0415 - only if used

        return AsyncRpcTransport(address, api_key)
    from poselift.client.http import HttpTransport  # noqa: PLC0415 - only if used

    return HttpTransport(address, api_key)
