"""Pictures to a video: H.264 in MP4, or an animated WebP."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from av.video.stream import VideoStream
    from PIL import Image


@dataclass(frozen=True)
class Encoding:
    """How a kind of file is encoded.

    Attributes:
        height: of its pictures, in pixels.
        most_fps: frames that come faster are left out.
    """

    codec: str
    height: int
    most_fps: float
    of_codec: Mapping[str, str]
    of_file: Mapping[str, str]


ENCODINGS: Mapping[str, Encoding] = MappingProxyType(
    {
        ".mp4": Encoding(
            "libx264", 720, 240.0, {"crf": "20", "preset": "veryfast"}, {"movflags": "faststart"}
        ),
        ".webp": Encoding("libwebp_anim", 360, 15.0, {"quality": "70"}, {"loop": "0"}),
    }
)
"""By the ending of the file's name; WebP for documents, whose pictures have to be small."""
_CLOCK: Final = Fraction(1, 1000)
_EARLY: Final = 0.25
"""Of a step: frames that come this much too early for the rate are still in time."""


class VideoWriter(AbstractContextManager["VideoWriter"]):
    """Writes a video of pictures of one size, which must be even.

    Attributes:
        pictures: how many were written.
    """

    def __init__(self, path: Path, encoding: Encoding) -> None:
        import av  # noqa: PLC0415 - an extra's

        self._encoding = encoding
        self._container = av.open(str(path), "w", options=dict(encoding.of_file))
        self._stream: VideoStream | None = None
        self._next_s = -np.inf
        self.pictures = 0

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._stream is not None and kind is None:
            self._container.mux(self._stream.encode(None))
        self._container.close()

    def wants(self, time_s: float) -> bool:
        """Whether a picture at this time is not too early after the one before."""
        return time_s >= self._next_s

    def write(self, picture: "Image.Image", time_s: float) -> None:
        """Add a picture that is shown from this time on."""
        from av import VideoFrame  # noqa: PLC0415

        stream = self._stream = self._stream or self._opened(picture)
        frame = VideoFrame.from_ndarray(np.asarray(picture), format="rgb24")
        frame.pts, frame.time_base = round(time_s / _CLOCK), _CLOCK
        self._container.mux(stream.encode(frame))
        self._next_s = time_s + (1 - _EARLY) / self._encoding.most_fps
        self.pictures += 1

    def _opened(self, picture: "Image.Image") -> "VideoStream":
        from av.video.stream import VideoStream  # noqa: PLC0415

        encoding = self._encoding
        stream = self._container.add_stream(encoding.codec, options=dict(encoding.of_codec))
        assert isinstance(stream, VideoStream)
        stream.width, stream.height = picture.size
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = _CLOCK
        return stream
