"""Running a detector: pictures go to its standard input, a line a picture comes from its output."""

import json
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from threading import Thread
from typing import IO, Any, Final, Self

from poselift.errors import PoseliftError
from poselift.formats import FORMATS
from poselift.video.decoding import Frame

PROTOCOL: Final = 1
_LONGEST_LINE: Final = 16 * 2**20
_LAST_WORDS: Final = 2_000
"""Bytes of what a program wrote to its standard error, for the error that tells of its end."""
_PATIENCE_S: Final = 10.0
"""How long a program may take to end after its last line."""


class DetectorFailed(PoseliftError):
    """A detector cannot be run, ended early, or wrote something other than its protocol."""


@dataclass(frozen=True)
class DetectedPerson:
    """One person in one picture.

    Attributes:
        keypoints: [x, y, score] of each joint, in pixels.
        track_id: who it is, if the detector follows people.
    """

    keypoints: Any
    track_id: Any = None


@dataclass(frozen=True)
class DetectedFrame:
    """The people in one picture."""

    number: int
    time_s: float
    people: list[DetectedPerson]


@dataclass(frozen=True)
class PictureStream:
    """What a detector is told of the pictures to come: sizes in pixels.

    ``people`` is how many to look for, if the caller said so.
    """

    width: int
    height: int
    fps: float
    frames: int | None = None
    people: int | None = None

    @property
    def line(self) -> bytes:
        """The first line of the detector's input."""
        return json.dumps({"poselift_detector": PROTOCOL, **vars(self)}).encode() + b"\n"


class Detection:
    """A running detector and what it finds: iterate it once, within ``with``.

    Attributes:
        keypoint_format: as the program told it.

    Raises:
        DetectorFailed: the program cannot be started or does not keep to the protocol.
    """

    def __init__(
        self, command: Sequence[str], stream: PictureStream, frames: Iterable[Frame]
    ) -> None:
        self._process = _Process(command)
        self._feeder = _Feeder(self._process, stream, frames)
        self._feeder.start()
        try:
            self.keypoint_format = self._told_format()
        except BaseException:
            self._end(is_failed=True)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._end(is_failed=kind is not None)

    def __iter__(self) -> Iterator[DetectedFrame]:
        """The pictures in order.

        Raises:
            DetectorFailed: the program ended early, or wrote something else.
            InvalidInput: what reading the pictures raised.
        """
        number = 0
        while (fields := self._process.read()) is not None:
            yield self._frame(fields, number)
            number += 1
        self._feeder.join()
        if self._feeder.error is not None:
            raise self._feeder.error
        if number < len(self._feeder.times_s) or self._feeder.is_cut_off:
            raise self._process.failed(f"it ended after {number} pictures")

    def _told_format(self) -> str:
        fields = self._process.read()
        if fields is None:
            raise self._feeder.error or self._process.failed("it ended")
        told = fields.get("keypoint_format")
        if told not in FORMATS:
            expected = f"keypoint_format, one of {', '.join(FORMATS)}"
            raise self._process.failed(f"expected {expected}, found {str(told)[:64]!r}")
        return str(told)

    def _frame(self, fields: dict[str, Any], number: int) -> DetectedFrame:
        told = fields.get("frame")
        if told != number or number >= len(self._feeder.times_s):
            raise self._process.failed(f"expected frame {number}, found {str(told)[:20]}")
        people = fields.get("people")
        if not isinstance(people, list) or not all(
            isinstance(each, dict) and "keypoints" in each for each in people
        ):
            raise self._process.failed("expected people, a list of objects with keypoints")
        found = [DetectedPerson(each["keypoints"], each.get("track_id")) for each in people]
        return DetectedFrame(number, self._feeder.times_s[number], found)

    def _end(self, *, is_failed: bool) -> None:
        self._process.end(is_failed=is_failed)
        self._feeder.join()  # it reads a video that is about to be closed


class _Process:
    """The program and its pipes."""

    def __init__(self, command: Sequence[str]) -> None:
        pipe = subprocess.PIPE
        try:
            self._process = subprocess.Popen(  # noqa: S603 - the user chose what to run
                command, stdin=pipe, stdout=pipe, stderr=pipe
            )
        except OSError as error:
            raise DetectorFailed(f"the detector cannot be started: {error}") from None
        self._input, self._output, said = map(
            _open, (self._process.stdin, self._process.stdout, self._process.stderr)
        )
        self._listener = _Listener(said)
        self._listener.start()
        self._lines = 0

    def write(self, content: bytes | memoryview) -> None:
        """Send a part of the input; raises ``OSError`` if the program has ended."""
        self._input.write(content)

    def close_input(self) -> None:
        """Tell that nothing more comes."""
        with suppress(OSError):
            self._input.close()

    def read(self) -> dict[str, Any] | None:
        """The next line of the output; None at its end.

        Raises:
            DetectorFailed: the line is no JSON object.
        """
        line = self._output.readline(_LONGEST_LINE)
        if not line:
            return None
        self._lines += 1
        try:
            fields = json.loads(line)
        except (ValueError, RecursionError):
            fields = None
        if not isinstance(fields, dict):
            found = line[:60].decode(errors="replace").strip()
            raise self.failed(f"expected a JSON object, found {found!r}")
        return fields

    def failed(self, what: str) -> DetectorFailed:
        """An error, with the place in the output and the program's last words."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(1)
        status = self._process.poll()
        ended = "" if status is None else f", exit status {status}"
        words = self._listener.words.decode(errors="replace").strip()
        said = f"; it said: {words}" if words else ""
        return DetectorFailed(f"the detector, after {self._lines} lines: {what}{ended}{said}")

    def end(self, *, is_failed: bool) -> None:
        """End the program, at once if something failed."""
        if is_failed:
            self._process.kill()
        self.close_input()
        try:
            self._process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._output.close()


def _open(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None
    return pipe


class _Listener(Thread):
    """Keeps the end of what a program writes to its standard error."""

    def __init__(self, said: IO[bytes]) -> None:
        super().__init__(daemon=True, name="detector-listener")
        self._said = said
        self.words = b""

    def run(self) -> None:
        """Read to the end."""
        with self._said:
            for line in self._said:
                self.words = (self.words + line)[-_LAST_WORDS:]


class _Feeder(Thread):
    """Writes pictures to a program, so that it can be read from meanwhile.

    Attributes:
        times_s: those of the pictures written, or about to be.
        is_cut_off: whether the program ended before it had all pictures.
        error: what reading the pictures raised.
    """

    def __init__(self, process: _Process, stream: PictureStream, frames: Iterable[Frame]) -> None:
        super().__init__(daemon=True, name="detector-feeder")
        self._process = process
        self._stream = stream
        self._frames = frames
        self.times_s: list[float] = []
        self.is_cut_off = False
        self.error: BaseException | None = None

    def run(self) -> None:
        """Write all."""
        try:
            self._send(self._stream.line)
            for frame in self._frames:
                self.times_s.append(frame.time_s)
                if not self._send(frame.image_HW3.data.cast("B")):
                    break
        except Exception as error:
            self.error = error
        self._process.close_input()

    def _send(self, content: bytes | memoryview) -> bool:
        """Whether the program took it."""
        try:
            self._process.write(content)
        except (OSError, ValueError):  # it has ended, or was ended
            self.is_cut_off = True
        return not self.is_cut_off
