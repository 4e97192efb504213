"""The client that blocks."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self, Unpack

from numpy.typing import ArrayLike

from poselift.client.address import Address
from poselift.client.blocking import BlockingTransport
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
from poselift.client.retries import asked, run
from poselift.client.transport import Connection, Transport
from poselift.poses import Poses

TIMEOUT_S = 60.0
"""How long a call goes on, all tries together, unless the client is made otherwise."""
AHEAD, MOST_AHEAD = 8, 32
"""How many frames ``lift`` of a session sends before their answers; the server answers the last 64
again after a break."""


class Client:
    """Lifts keypoints at a server; the poses are those that ``poselift.lift`` gives.

    Requests that a server refuses because it has too much to do (429), or that find it away (503,
    no connection), are sent again until the timeout, after the time that the server names.

    It may be used from several threads; a session by one at a time.
    """

    def __init__(
        self,
        url: str,
        *,
        api_key: str | None = None,
        timeout_s: float = TIMEOUT_S,
        ca_file: str | Path | None = None,
    ) -> None:
        """Make a client; nothing is sent yet.

        Args:
            url: ``http://`` or ``https://host:port`` for HTTP and WebSockets, ``grpc://`` or
                ``grpcs://host:port`` for gRPC.
            api_key: the key that the server asks for, if it does.
            timeout_s: how long each call may take, all tries together.
            ca_file: certificates in PEM of the authorities that are trusted, for a server whose
                certificate none of the usual ones has signed.

        Raises:
            InvalidInput: the URL is none of these, no header can have the key, or the file holds no
                certificates.
            MissingPackage: the extra ``poselift[client]`` is missing.
        """
        self._address = Address.of(url, ca_file)
        self._timeout_s = timeout_s
        self._transport = _transport(self._address, api_key)

    def lift(
        self,
        keypoints: Keypoints,
        *,
        timestamps_s: ArrayLike | None = None,
        first_frame: int = 0,
        **options: Unpack[LiftOptions],
    ) -> Poses:
        """Lift the keypoints of one person; arguments and poses are those of ``poselift.lift``.

        Models are named as the server names them, which also sets how long a gap is filled
        (``POSELIFT_MAX_GAP_S``).

        Raises:
            InvalidInput: something in the keypoints or options is wrong, with ``field_errors`` as
                the server told them.
            ServerError: the server refused for another reason, or was not there in time; see
                ``poselift.client.errors``.
        """
        with of_the_clip():
            (poses,) = self.lift_clips([Clip(keypoints, first_frame, timestamps_s)], **options)
        return poses

    def lift_clips(
        self, clips: Sequence[Clip | Keypoints], **options: Unpack[LiftOptions]
    ) -> list[Poses]:
        """Lift clips of one person each in one request; see ``lift``.

        ``clips`` are keypoints, or ``poselift.client.Clip`` where a clip has a first frame or
        timestamps of its own.
        """
        body = lift_request(clips, options)
        ask = asked(lambda transport, left_s: transport.lift(body, left_s), self._timeout_s)
        return lifted(run(ask, self._transport), clips, options)

    def models(self) -> list[ModelInfo]:
        """The models that the server serves; raises what ``lift`` does."""
        ask = asked(lambda transport, left_s: transport.models(left_s), self._timeout_s)
        return models_of(run(ask, self._transport))

    def stream(self, **options: Unpack[SessionOptions]) -> "Session":
        """A live session, to be used in a ``with`` block; the guide to streaming has the options.

        Raises:
            InvalidInput: an option is none. The server says more when the session is opened.
        """
        flow = LiveFlow(options, self._timeout_s, str(self._address))
        return Session(flow, self._transport.stream())

    def close(self) -> None:
        """End the client's connections."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class Session:
    """A live session, which goes on over as many connections as it takes.

    When a connection is lost or the server restarts, it connects again, resumes by the index that
    the server expects and sends again what was not stored or not answered: no frame is lost or
    lifted twice. It ends with ``SessionTaken`` once another client has opened it.

    At the end of a ``with`` block it is closed and forgotten; after an error it is left, and may be
    resumed by its ``session_id``.
    """

    def __init__(self, flow: LiveFlow, connection: Connection) -> None:
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

    def open(self) -> Self:
        """Open or resume it; ``push`` does it by itself, a ``with`` block too."""
        run(self._flow.open(), self._connection)
        return self

    def push(
        self,
        people: People,
        *,
        timestamp_s: float | None = None,
        index: int | None = None,
    ) -> FramePoses | None:
        """Lift the next frame.

        Args:
            people: one person (J, 2 or 3), whose track is ``"0"``; people by track id; with
                ``associate`` a list of people; None where there is no person.
            timestamp_s: when it was taken, in seconds; with every frame of a session or with none.
            index: with ``allow_gaps`` the frame's number, if not the next.

        Returns:
            The frame's poses. With ``lookahead_frames`` those of a frame so many before, None while
            there is none.

        Raises:
            InvalidInput: something in the frame is wrong. It does not count, and others may follow.
            DeadlineExceeded, ServerUnavailable, Overloaded: no answer within the timeout. The frame
                is kept and sent with the next; its own answer is not given then.
            SessionTaken: another client has opened the session.
            SessionLost: the server has lost frames that are not kept here any more.
        """
        return run(self._flow.push(people, timestamp_s, index), self._connection)

    def lift(
        self,
        frames: Iterable[People],
        *,
        timestamps_s: Iterable[float] | None = None,
        ahead: int = AHEAD,
    ) -> Iterator[FramePoses]:
        """Lift frames to their end and close the session; answers come in order.

        ``ahead`` is how many frames are sent before their answers, 0 to 32: 0 for the least delay
        with a camera, more for files. Raises what ``push`` does.
        """
        times = iter(timestamps_s) if timestamps_s is not None else None
        most = max(0, min(ahead, MOST_AHEAD))
        for people in frames:
            time = None if times is None else next(times)
            run(self._flow.send(people, time), self._connection)
            while self._flow.in_flight > most or self._flow.has_ready:
                yield run(self._flow.receive(), self._connection)
        yield from self.close()

    def close(self) -> list[FramePoses]:
        """End the session for good; the answers that were still to come."""
        return run(self._flow.close(), self._connection)

    def leave(self) -> None:
        """End the connection, and leave the session to be resumed by its id."""
        run(self._flow.leave(), self._connection)

    def __enter__(self) -> Self:
        return self.open()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.leave()


def _transport(address: Address, api_key: str | None) -> Transport:
    if address.is_grpc:
        from poselift.client.rpc import RpcTransport  # noqa: PLC0415 - only if used

        return RpcTransport(address, api_key)
    from poselift.client.http import HttpTransport  # noqa: PLC0415 - only if used

    return BlockingTransport(lambda: HttpTransport(address, api_key))
