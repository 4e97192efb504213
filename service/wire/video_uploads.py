"""Callers' videos: how many, how large, and the processes that look for people in them."""

import asyncio
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from io import BufferedReader
from pathlib import Path
from tempfile import TemporaryFile
from typing import Final

from poselift.video.detectors import Detector, installed_detector, known_detectors
from service.request_errors import DeadlineExceeded, NotFound, Overloaded, TooLarge
from service.requests import DetectOptions
from service.validation import Limits
from service.wire.video_detection import VideoTask, error_line

_log = logging.getLogger(__name__)
_RETRY_AFTER_S: Final = 10.0
_PIECE_BYTES: Final = 2**20
_INHERITED: Final = (
    *("PATH", "HOME", "LANG", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "PYTHONPATH", "VIRTUAL_ENV"),
    *("SYSTEMROOT", "TEMP", "TMP", "USERPROFILE", "APPDATA", "LOCALAPPDATA"),
)
_INHERITED_PREFIXES: Final = ("LC_", "CUDA_", "NVIDIA_", "OMP_", "OPENBLAS_", "XDG_")


@dataclass(frozen=True)
class VideoBounds:
    """The most that callers may ask for."""

    most_bytes: int
    most_seconds: float
    most_at_a_time: int
    timeout_s: float


class VideoUploads:
    """Takes callers' videos, so many at a time."""

    def __init__(self, detectors_dir: Path, bounds: VideoBounds, limits: Limits) -> None:
        self.bounds = bounds
        self._detectors_dir = detectors_dir
        self._limits = limits
        self._open = 0

    @property
    def detectors(self) -> list[Detector]:
        """The detectors that are known here, installed or not.

        Raises:
            NotFound: the packages that read videos are missing.
        """
        if find_spec("av") is None:
            raise NotFound("videos are not read here: pip install 'poselift[video]'")
        return known_detectors(self._detectors_dir)

    def begin(self, options: DetectOptions, declared_bytes: int) -> "VideoUpload":
        """Make room for a video, which the caller must close.

        Raises:
            InvalidInput: the detector is not installed.
            NotFound: the packages that read videos are missing.
            Overloaded: as many are being worked on as may be.
            TooLarge: it says that it is larger than it may be.
        """
        if self.detectors:
            installed_detector(options.detector, self._detectors_dir)
        self.check_size(declared_bytes)
        if self._open >= self.bounds.most_at_a_time:
            raise Overloaded("too many videos at a time", _RETRY_AFTER_S, reason="videos")
        task = VideoTask(options, self._detectors_dir, self.bounds.most_seconds, self._limits)
        upload = VideoUpload(self, task)
        self._open += 1
        return upload

    def check_size(self, size: int) -> None:
        """Refuse a video of this size if it is over the limit; raises ``TooLarge``."""
        if size > self.bounds.most_bytes:
            raise TooLarge(f"the video is over the limit of {self.bounds.most_bytes} bytes")

    def done(self) -> None:
        """A video is closed."""
        self._open -= 1


class VideoUpload:
    """A video in a file without a name, which goes with this process whatever happens."""

    def __init__(self, uploads: VideoUploads, task: VideoTask) -> None:
        self._uploads = uploads
        self._task = task
        self._file = TemporaryFile()  # noqa: SIM115 - closed by ``close``
        self._waiting = bytearray()
        self._size = 0

    async def write(self, content: bytes) -> None:
        """Add a part; raises ``TooLarge``."""
        self._size += len(content)
        self._uploads.check_size(self._size)
        self._waiting += content
        if len(self._waiting) >= _PIECE_BYTES:
            await self._flush()

    async def _flush(self) -> None:
        content, self._waiting = bytes(self._waiting), bytearray()
        await asyncio.to_thread(self._file.write, content)

    async def detect(self, tell: Callable[[bytes], Awaitable[None]]) -> None:
        """Tell the lines of ``service.wire.video_detection``, in pieces; the last always comes."""
        await self._flush()
        process, error, ends_line = await asyncio.to_thread(self._process), None, True
        assert isinstance(process.stdout, BufferedReader)
        try:
            async with asyncio.timeout(self._uploads.bounds.timeout_s):
                while piece := await asyncio.to_thread(process.stdout.read1, _PIECE_BYTES):
                    await tell(piece)
                    ends_line = piece.endswith(b"\n")
                if status := await asyncio.to_thread(process.wait):
                    error = _ended(status)
        except TimeoutError:
            error = DeadlineExceeded(f"no answer within {self._uploads.bounds.timeout_s:g} s")
        finally:
            await asyncio.to_thread(_end, process)
        if error is not None:
            await tell((b"" if ends_line else b"\n") + error_line(error))

    def _process(self) -> subprocess.Popen[bytes]:
        # Not asyncio's own: that copies this process's memory tables, which delays live frames.
        self._file.seek(0)
        return subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-m", "service.wire.video_detection", self._task.line()],
            stdin=self._file,
            stdout=subprocess.PIPE,
            env=_without_secrets(os.environ),
            start_new_session=True,
        )

    def close(self) -> None:
        """Delete the video and let others come; once is enough."""
        if not self._file.closed:
            self._file.close()
            self._uploads.done()


def _without_secrets(environment: Mapping[str, str]) -> dict[str, str]:
    """What programs need to run: no keys of this service, nor of anything else."""
    return {
        name: value
        for name, value in environment.items()
        if name.upper() in _INHERITED or name.upper().startswith(_INHERITED_PREFIXES)
    }


def _ended(status: int) -> Exception:
    _log.error("the process that looks for people in a video ended with status %s", status)
    return ChildProcessError(f"status {status}")


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the process, and the detector that it runs."""
    with process, suppress(ProcessLookupError):
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
