"""Videos to pictures: upright, with square pixels, each with its number and its time.

All that looks at a video decodes it here, so that frame numbers mean the same everywhere. A file is
only ever read itself: playlists and other files that name further ones are refused.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from os import SEEK_END
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, NoReturn

import numpy as np
from numpy.typing import NDArray

from poselift.array_types import Doubles
from poselift.errors import InvalidInput, MissingPackage

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

Image = NDArray[np.uint8]
"""(H, W, 3): red, green and blue."""

MOST_PIXELS: Final = 7680 * 4320
MOST_FRAMES: Final = 1_000_000
_CONTAINERS: Final = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,flv,asf,ogg,gif,ivf,mxf"
)
"""FFmpeg's names of the files that are read: none of them names further files."""
_A_VIDEO: Final = "a video in one file, such as MP4, MOV, MKV, WebM or AVI"
_USUAL_FPS: Final = 30.0
_EVEN_STEPS: Final = 0.1
_EVEN_S: Final = 0.001
"""How near frames are to those of a constant rate: some containers round to milliseconds."""


@dataclass(frozen=True, eq=False)
class Frame:
    """A picture of a video.

    Attributes:
        number: how many come before it.
        time_s: from the first picture's.
    """

    number: int
    time_s: float
    image_HW3: Image


@dataclass(eq=False)
class Video:
    """An open video, whose frames can be read once.

    Attributes:
        name: the path, or what it is called in messages.
        image_size: width and height of the upright picture.
        fps: as the file tells it, which may be wrong; see ``frame_rate``.
        frame_count: as the file tells it, or None.
    """

    name: str
    image_size: tuple[int, int]
    fps: float
    frame_count: int | None
    _pictures: "_Pictures" = field(repr=False)
    _turn: "_Turn" = field(repr=False)
    _most_seconds: float = np.inf
    _out_of_order: int = 0

    @property
    def notes(self) -> tuple[str, ...]:
        """What was left out; complete after the last frame."""
        found = {
            "pieces that cannot be decoded": self._pictures.broken,
            "pictures whose time is not after the one before": self._out_of_order,
        }
        return tuple(f"{count} {what} are left out" for what, count in found.items() if count)

    def frames(self) -> Iterator[Frame]:
        """The pictures in the order in which they are shown.

        Raises:
            InvalidInput: there are more than may be.
        """
        first_s, last_s = None, -np.inf
        number = 0
        for picture in self._pictures:
            time_s = picture.time
            if time_s is None:
                time_s = 0.0 if first_s is None else last_s + 1 / self.fps
            if time_s <= last_s:
                self._out_of_order += 1
                continue
            first_s, last_s = time_s if first_s is None else first_s, time_s
            self._check_length(number, time_s - first_s)
            yield Frame(number, time_s - first_s, self._shown(picture))
            number += 1

    def _shown(self, picture: "VideoFrame") -> Image:
        width, height = self._turn.sides(self.image_size)
        stored = picture.to_ndarray(format="rgb24", width=width, height=height)
        return self._turn.upright(stored.astype(np.uint8, copy=False))

    def _check_length(self, number: int, time_s: float) -> None:
        if number >= MOST_FRAMES:
            raise InvalidInput.at(self.name, f"{MOST_FRAMES} pictures at most")
        if time_s > self._most_seconds:
            raise InvalidInput.at(self.name, f"a video of {self._most_seconds:g} s at most")


class _Pictures:
    """What can be decoded of a stream; a recording that was cut off has a broken end."""

    def __init__(self, container: "InputContainer", stream: "VideoStream") -> None:
        self._packets = container.demux(stream)
        self._waiting: list[VideoFrame] = []
        self.broken = 0

    def first(self) -> "VideoFrame | None":
        """The first picture, which stays the first of the iteration."""
        first = next(self, None)
        if first is not None:
            self._waiting.insert(0, first)
        return first

    def __iter__(self) -> "_Pictures":
        return self

    def __next__(self) -> "VideoFrame":
        while not self._waiting:
            self._waiting += self._decoded(self._next_packet())
        return self._waiting.pop(0)

    def _next_packet(self) -> "Packet[VideoStream]":
        from av import FFmpegError  # noqa: PLC0415 - an extra's

        try:
            return next(self._packets)
        except FFmpegError:
            self.broken += 1
            raise StopIteration from None

    def _decoded(self, packet: "Packet[VideoStream]") -> "list[VideoFrame]":
        from av import FFmpegError  # noqa: PLC0415

        try:
            return packet.decode()
        except FFmpegError:
            self.broken += 1
            return []


@dataclass(frozen=True)
class _Turn:
    """How a picture is turned and mirrored before it is shown; players do it, so we do."""

    is_transposed: bool = False
    flips_x: bool = False
    flips_y: bool = False

    @classmethod
    def of(cls, decoded: "VideoFrame") -> "_Turn":
        """By the display matrix: x' = a·x + c·y, y' = b·x + d·y, to the nearest quarter turn."""
        matrix: Any = decoded.side_data.get("DISPLAYMATRIX")
        if matrix is None:
            return cls()
        a, b, _, c, d, *_ = np.frombuffer(bytes(matrix), np.int32).astype(float).tolist()
        if abs(a) + abs(d) >= abs(b) + abs(c):
            return cls(flips_x=a < 0, flips_y=d < 0)
        return cls(is_transposed=True, flips_x=c < 0, flips_y=b < 0)

    def sides(self, size: tuple[int, int]) -> tuple[int, int]:
        """The size as it is shown of a size as it is stored, and the other way round."""
        return (size[1], size[0]) if self.is_transposed else size

    def upright(self, image_HW3: Image) -> Image:
        """The picture as it is shown."""
        turned = image_HW3.swapaxes(0, 1) if self.is_transposed else image_HW3
        return np.ascontiguousarray(
            turned[:: -1 if self.flips_y else 1, :: -1 if self.flips_x else 1]
        )


@contextmanager
def open_video(
    source: str | Path | BinaryIO, name: str = "video", most_seconds: float = np.inf
) -> Iterator[Video]:
    """Open a video: a path, or an open file that can be searched and is called ``name``.

    Raises:
        MissingPackage: the extra ``poselift[video]`` is not installed.
        InvalidInput: it is no video, has no pictures, or is larger than videos may be.
        OSError: it cannot be opened.
    """
    if isinstance(source, str | Path):
        with Path(source).open("rb") as file, open_video(file, str(source), most_seconds) as video:
            yield video
        return
    try:
        import av  # noqa: PLC0415 - an extra's
    except ImportError as error:
        raise MissingPackage.needed("av", "Videos", "video") from error
    if source.seek(0, SEEK_END) == 0:
        raise InvalidInput.at(name, "a video, found an empty file")
    source.seek(0)
    try:
        container = av.open(
            source, "r", container_options={"format_whitelist": _CONTAINERS}, io_open=_refuse
        )
    except av.FFmpegError as error:
        raise InvalidInput.at(name, f"{_A_VIDEO}: {error.strerror}") from None
    with container:
        yield _video(container, name, most_seconds)


def _refuse(url: str, flags: int, options: object) -> NoReturn:  # noqa: ARG001 - PyAV's form
    raise PermissionError("a video that names other files is not read")


def _video(container: "InputContainer", name: str, most_seconds: float) -> Video:
    streams = [each for each in container.streams.video if not _is_cover(each)]
    if not streams:
        raise InvalidInput.at(name, "a stream of pictures, found none")
    stream = streams[0]
    stream.thread_type = "SLICE"  # several pictures at a time would share an error
    context = stream.codec_context
    _check_size(context.width, context.height, name)
    context.options = {"max_pixels": str(MOST_PIXELS)}  # pictures may be larger than was told
    duration_s = _duration_s(container, stream)
    if duration_s is not None and duration_s > most_seconds:
        raise InvalidInput.at(name, f"a video of {most_seconds:g} s at most, found {duration_s:g}")
    pictures = _Pictures(container, stream)
    first = pictures.first()
    if first is None:
        raise InvalidInput.at(name, "pictures that can be decoded, found none")
    turn = _Turn.of(first)
    width = max(1, round(first.width * (stream.sample_aspect_ratio or 1)))
    _check_size(width, first.height, name)
    fps = float(stream.guessed_rate or stream.average_rate or 0) or _USUAL_FPS
    count = stream.frames or (round(duration_s * fps) if duration_s else None)
    size = turn.sides((width, first.height))
    return Video(name, size, fps, count, pictures, turn, most_seconds)


def _check_size(width: int, height: int, name: str) -> None:
    if width * height > MOST_PIXELS:
        expected = f"pictures of {MOST_PIXELS} pixels at most, found {width} x {height}"
        raise InvalidInput.at(name, expected)


def _is_cover(stream: "VideoStream") -> bool:
    """Whether this is the picture on the cover of a piece of music."""
    from av.stream import Disposition  # noqa: PLC0415 - an extra's

    return Disposition.attached_pic in stream.disposition


def _duration_s(container: "InputContainer", stream: "VideoStream") -> float | None:
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    return None if container.duration is None else container.duration / 1e6


def frame_rate(times_T: Doubles, told_fps: float) -> tuple[float, bool]:
    """The rate of frames at these times, rising, and whether it is constant.

    What the file tells is taken where it fits.
    """
    if len(times_T) < 2:
        return told_fps, True
    elapsed_T = times_T - times_T[0]
    measured_fps = (len(times_T) - 1) / float(elapsed_T[-1])
    for fps in (told_fps, measured_fps):
        off_T = np.abs(elapsed_T - np.arange(len(times_T)) / fps)
        if off_T.max() <= max(_EVEN_STEPS / fps, _EVEN_S):
            return fps, True
    return measured_fps, False
