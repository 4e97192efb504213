"""A live session as its client sees it: frames out, poses in, over as many connections as it takes.

``LiveFlow`` holds all of a session but the connection. Frames are kept until their answers have
come and the server has stored them; after a break they are sent again:

====================================  ==========================================================
``next_index`` after a reconnect      what happens
====================================  ==========================================================
a frame that is kept, or the next     all from the first frame without an answer on are sent;
                                      those that the server has are only answered again
beyond every frame that was sent      another client has gone on with it: ``SessionTaken``
before every frame that is kept       frames are lost that cannot be sent again: ``SessionLost``
====================================  ==========================================================
"""

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from poselift.client.errors import (
    DeadlineExceeded,
    ServerError,
    ServerUnavailable,
    SessionLost,
    SessionTaken,
    Temporary,
)
from poselift.client.frames import FramePoses, People, frame_message, frame_poses
from poselift.client.messages import (
    ModelInfo,
    SessionOptions,
    opening,
    parsed,
    problem_of,
    summary_of,
)
from poselift.client.retries import Flow, Patience, Step
from poselift.errors import InvalidInput, PoseliftError

if TYPE_CHECKING:
    from poselift.v1 import poselift_pb2 as messages

_KEPT: Final = 64
"""Frames kept after their answers, for a server that comes back with an older store."""
_SHARE_OF_TIMEOUT: Final = 0.5
"""After how much of the timeout without an answer the connection counts as lost."""
_INDEX_GAP: Final = "urn:poselift:problem:index-gap"


@dataclass
class _Kept:
    """A frame that may have to be sent again."""

    index: int
    message: bytes
    is_answered: bool = False


class LiveFlow:
    """The flows of a live session, for one caller at a time."""

    def __init__(self, options: SessionOptions, timeout_s: float, where: str) -> None:
        from poselift.v1 import poselift_pb2  # noqa: PLC0415 - an extra's

        opening(options)  # what is wrong with them is told before there is a connection
        self._options = options
        self._timeout_s = timeout_s
        self._where = where
        self._lookahead = options.get("lookahead_frames", 0)
        self._is_connected = False
        self._ended: PoseliftError | None = None
        self._frames: deque[_Kept] = deque()
        self._sent_upto = 0
        self._answered_upto = 0
        self._ready: deque[FramePoses] = deque()
        self.session_id = options.get("session_id")
        self.next_index = 0
        self._as_opened = poselift_pb2.Opened()
        self.model: ModelInfo | None = None

    @property
    def in_flight(self) -> int:
        """Frames whose answers are due and have not come."""
        return max(0, self._unanswered() - self._lookahead)

    @property
    def has_ready(self) -> bool:
        """Whether an answer has come that was not given yet."""
        return bool(self._ready)

    def open(self) -> Flow[None]:
        """Open the session, or resume it."""
        yield from self._connected(Patience(self._timeout_s))

    def push(
        self, people: People, timestamp_s: float | None, index: int | None
    ) -> Flow[FramePoses | None]:
        """Send a frame and wait for the answer that is due then.

        With a lookahead that is the answer to an earlier frame; None while there is none.
        """
        patience = Patience(self._timeout_s)
        due = (yield from self._send(people, timestamp_s, index, patience)) - self._lookahead
        while due >= 0:
            while self._ready:
                answer = self._ready.popleft()
                if answer.index >= due:  # earlier ones are of frames whose push was given up
                    return answer
            yield from self._receive(patience)
        return None

    def send(self, people: People, timestamp_s: float | None) -> Flow[None]:
        """Send a frame and do not wait for its answer."""
        yield from self._send(people, timestamp_s, None, Patience(self._timeout_s))

    def receive(self) -> Flow[FramePoses]:
        """The next answer to frames that were sent."""
        patience = Patience(self._timeout_s)
        while not self._ready:
            yield from self._receive(patience)
        return self._ready.popleft()

    def close(self) -> Flow[list[FramePoses]]:
        """Have the session forgotten; the answers that were still to come."""
        if self._ended is None and self.model is not None:
            try:
                yield from self._close(Patience(self._timeout_s))
            except PoseliftError as error:
                yield from self._failed(error)
                raise
        self._ended = self._ended or ServerError("the session was closed")
        yield from self._disconnect()
        answers = list(self._ready)
        self._ready.clear()
        return answers

    def leave(self) -> Flow[None]:
        """End the connection; the session can be resumed by its id."""
        self._ended = self._ended or ServerError("the session was left")
        yield from self._disconnect()

    def _unanswered(self) -> int:
        return sum(not frame.is_answered for frame in self._frames)

    # Frames out

    def _send(
        self, people: People, timestamp_s: float | None, index: int | None, patience: Patience
    ) -> Flow[int]:
        """Send a frame; its index."""
        self._check_alive()
        if not self._is_connected:
            yield from self._connected(patience)
        frame = self._next(people, timestamp_s, index)
        self._frames.append(frame)
        self.next_index = frame.index + 1
        self._sent_upto = max(self._sent_upto, self.next_index)
        try:
            yield _sending(frame.message, patience)
        except Temporary:
            # Why it broke stands in what was received: a notice, or the status.
            yield from self._receive(patience)
        return frame.index

    def _next(self, people: People, timestamp_s: float | None, index: int | None) -> _Kept:
        number = self.next_index if index is None else index
        may_jump = self._options.get("allow_gaps", False)
        if number < self.next_index or (number > self.next_index and not may_jump):
            rule = "or more" if may_jump else "without allow_gaps"
            raise InvalidInput.at("index", f"{self.next_index} {rule}, found {index}")
        keypoint_format = self._options.get("keypoint_format", "coco17")
        associate = self._options.get("associate", False)
        message = frame_message(number, people, timestamp_s, keypoint_format, associate)
        return _Kept(number, message)

    # Answers in

    def _receive(self, patience: Patience) -> Flow[None]:
        """Take in one message, on a new connection if need be."""
        try:
            if not self._is_connected:
                yield from self._connected(patience)
            answer = (yield from self._message(patience)).pose
            refusal = self._take(answer)
        except Temporary as error:
            yield from self._disconnect()
            yield from patience.pause(error)
            return
        except PoseliftError as error:
            yield from self._failed(error)
            raise
        if refusal is not None:
            is_last = self._drop_from(answer.index) <= 1
            if not is_last:  # those behind it would be refused too, and their refusals come yet
                yield from self._disconnect()
            raise refusal

    def _message(self, patience: Patience) -> "Flow[messages.LiftStreamResponse]":
        from poselift.v1 import poselift_pb2  # noqa: PLC0415 - an extra's

        longest_s = self._timeout_s * _SHARE_OF_TIMEOUT
        body: bytes | None = yield lambda link: link.receive(min(patience.left_s(), longest_s))
        if body is None:
            raise ServerUnavailable(f"{self._where} ended the stream")
        message = parsed(poselift_pb2.LiftStreamResponse, body)
        if message.HasField("notice"):
            raise problem_of(message.notice.problem)
        return message

    def _take(self, answer: "messages.FramePoses") -> PoseliftError | None:
        """Take in the answer to a frame; the error for which it was refused, if it was."""
        if answer.HasField("problem"):
            error = problem_of(answer.problem)
            if answer.problem.type != _INDEX_GAP:
                return error
            raise ServerUnavailable(f"{self._where} is at another frame: {error.detail}")
        if answer.index < self._answered_upto:  # it was answered before a break
            return None
        self._answered_upto = answer.index + 1
        for frame in self._frames:
            # Those before it are left out, with drop_oldest.
            frame.is_answered = frame.is_answered or frame.index <= answer.index
        poses = frame_poses(answer, self._as_opened)
        self._ready.append(poses)
        if poses.durable:
            self._forget()
        return None

    def _forget(self) -> None:
        """Keep no more frames than may have to be sent again."""
        answered = len(self._frames) - self._unanswered()
        for _ in range(answered - _KEPT):
            self._frames.popleft()

    def _drop_from(self, index: int) -> int:
        """Forget a frame that was refused and those behind it; how many they were."""
        refused = [frame for frame in self._frames if frame.index >= index]
        for frame in refused:
            self._frames.remove(frame)
        self.next_index = index
        if len(refused) == 1:
            self._sent_upto = index
        return len(refused)

    # Connections

    def _connected(self, patience: Patience) -> Flow[None]:
        """Connect and open the session, as often as it takes, and send what is unanswered."""
        self._check_alive()
        while True:
            try:
                yield from self._opened(patience)
            except Temporary as error:
                yield from self._disconnect()
                yield from patience.pause(error)
            except PoseliftError as error:
                yield from self._failed(error)
                raise
            else:
                return

    def _opened(self, patience: Patience) -> Flow[None]:
        from poselift.v1 import poselift_pb2 as messages  # noqa: PLC0415 - an extra's

        first = messages.LiftStreamRequest(open=opening(self._options)).SerializeToString()
        yield lambda link: link.connect(patience.left_s())
        try:
            yield _sending(first, patience)
        except Temporary:
            yield from self._message(patience)  # raises why it broke
            raise
        opened = (yield from self._message(patience)).opened
        self._is_connected = True
        start = self._resumed(opened)
        for frame in [each for each in self._frames if each.index >= start]:
            yield _sending(frame.message, patience)

    def _resumed(self, opened: "messages.Opened") -> int:
        """Take in where the session stands; the index from which frames are sent again."""
        is_first = self.model is None
        self.session_id = self._options["session_id"] = opened.session_id
        self.model = summary_of(opened.model)
        self._as_opened = opened
        if not is_first:
            return self._continued(opened.next_index)
        self.next_index = self._sent_upto = opened.next_index
        self._answered_upto = max(0, opened.next_index - self._lookahead)
        return opened.next_index

    def _continued(self, next_index: int) -> int:
        if next_index > self._sent_upto:
            raise SessionTaken(
                f"another client has gone on with session {self.session_id}: it expects frame "
                f"{next_index}, and this client's next is {self._sent_upto}"
            )
        oldest = self._frames[0].index if self._frames else self.next_index
        if next_index < oldest:
            raise SessionLost(
                f"{self._where} expects frame {next_index} of session {self.session_id}, and "
                f"frames before {oldest} are not kept here: open another session"
            )
        unanswered = [frame.index for frame in self._frames if not frame.is_answered]
        if not unanswered:  # where the index may jump, frames behind a refused one may be there
            self.next_index = max(self.next_index, next_index)
        return min([next_index, *unanswered])

    def _close(self, patience: Patience) -> Flow[None]:
        while self.in_flight:
            yield from self._receive(patience)
        while True:
            try:
                yield from self._closed(patience)
            except Temporary as error:
                yield from self._disconnect()
                if not self._unanswered():  # it is only forgotten later
                    return
                yield from patience.pause(error)
            else:
                return

    def _closed(self, patience: Patience) -> Flow[None]:
        """Ask to close, and take in the answers that come before the end."""
        from poselift.v1 import poselift_pb2 as messages  # noqa: PLC0415 - an extra's

        if not self._is_connected:
            yield from self._opened(patience)
        last = messages.LiftStreamRequest(close=messages.CloseSession()).SerializeToString()
        yield _sending(last, patience)
        while (body := (yield lambda link: link.receive(patience.left_s()))) is not None:
            message = parsed(messages.LiftStreamResponse, body)
            if message.HasField("notice"):
                raise problem_of(message.notice.problem)
            self._take(message.pose)

    def _failed(self, error: PoseliftError) -> Flow[None]:
        """After an error that no other connection helps: the end, unless only time was short."""
        if not isinstance(error, DeadlineExceeded):
            self._ended = error
        yield from self._disconnect()

    def _disconnect(self) -> Flow[None]:
        self._is_connected = False

        def disconnect(link: Any) -> Any:  # noqa: ANN401 - it blocks, or is awaited
            return link.disconnect()

        yield disconnect

    def _check_alive(self) -> None:
        if self._ended is not None:
            raise self._ended


def _sending(message: bytes, patience: Patience) -> Step:
    return lambda link: link.send(message, patience.left_s())
