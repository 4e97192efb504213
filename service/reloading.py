"""Files that are read again while the service runs: keys and certificates."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

_log = logging.getLogger("poselift")

_LOOK_S = 2.0


@dataclass(frozen=True)
class Reloaded:
    """What is read from files."""

    what: str
    """For the log."""
    files: Sequence[Path]
    read: Callable[[], None]
    """Reads them and takes over what they say, or raises and leaves all as it is."""


async def keep_reloading(reloaded: Sequence[Reloaded], told: asyncio.Event) -> None:
    """Read files again when they change, and all when told to; until cancelled."""
    seen = [_versions(each.files) for each in reloaded]
    while True:
        try:
            async with asyncio.timeout(_LOOK_S):
                await told.wait()
        except TimeoutError:
            pass
        is_told = told.is_set()
        told.clear()
        for place, each in enumerate(reloaded):
            now = _versions(each.files)
            if is_told or now != seen[place]:
                seen[place] = now
                _reload(each)


def _reload(reloaded: Reloaded) -> None:
    try:
        reloaded.read()
    except Exception as error:
        _log.error("the %s stay as they were: %s", reloaded.what, error)
    else:
        _log.info("the %s were read again", reloaded.what)


def _versions(files: Sequence[Path]) -> list[tuple[int, int, int] | None]:
    return [_version(file) for file in files]


def _version(file: Path) -> tuple[int, int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
