"""What a wire format is: the messages of callers to requests, and answers to their bytes."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import ClassVar

from poselift.errors import PoseliftError
from service.live.frames import FramePoses
from service.requests import LiftRequest, LiftResult, SessionOptions
from service.validation import Limits
from service.wire.stream_messages import FrameBatch, Message, OpenedSession


class WireFormat(ABC):
    """One format of all messages, for every transport; instances hold no state.

    What is read raises ``Unreadable`` where the bytes are no message, ``InvalidInput`` where
    something in the message is wrong, and ``TooLarge`` where there is too much of it.
    """

    media_types: ClassVar[tuple[str, ...]]
    """Its names in HTTP; answers carry the first."""
    subprotocol: ClassVar[str]
    """Its name in WebSockets."""
    is_text: ClassVar[bool]
    """Whether WebSocket messages are text."""
    inline_bytes: ClassVar[int]
    """Messages up to this size are decoded on the event loop."""

    @property
    def media_type(self) -> str:
        """The content type of answers."""
        return self.media_types[0]

    @abstractmethod
    def decode_lift_request(self, body: bytes, limits: Limits) -> LiftRequest:
        """Read a lift request; the engine checks what the arrays hold."""

    @abstractmethod
    def encode_lift_result(self, result: LiftResult) -> bytes:
        """Write a result."""

    @abstractmethod
    def decode_open(self, body: bytes) -> SessionOptions:
        """Read the body that opens a session."""

    @abstractmethod
    def decode_frames(self, body: bytes, joints: int) -> FrameBatch:
        """Read a body with frames; ``joints`` are those of the session's keypoint format."""

    @abstractmethod
    def decode_stream_message(self, body: bytes, joints: int) -> Message:
        """Read a stream's message; ``joints`` is 0 before the session is open."""

    @abstractmethod
    def encode_session(self, session: OpenedSession) -> bytes:
        """Write an opened session as the body of an answer."""

    @abstractmethod
    def encode_opened(self, session: OpenedSession) -> bytes:
        """Write an opened session as a stream's message."""

    @abstractmethod
    def encode_frames(self, answers: Iterable[FramePoses], next_index: int) -> bytes:
        """Write the answer to a body with frames."""

    @abstractmethod
    def encode_pose(self, answer: FramePoses) -> bytes:
        """Write the answer to a frame as a stream's message."""

    @abstractmethod
    def encode_refusal(self, index: int, error: PoseliftError, next_index: int) -> bytes:
        """Write an error about the frame of this index as a stream's message."""

    @abstractmethod
    def encode_notice(self, session_id: str, error: PoseliftError, next_index: int) -> bytes:
        """Write that the service ends the stream."""
