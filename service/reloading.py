"""Files that are read again while the service runs: keys and certificates."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

_log = logging.getLogger("poselift")

_LOOK_S = 2.0

Versions: TypeAlias = list[tuple[int, int, int] | None]
"""Of files: what is different once they have changed."""


@dataclass(frozen=True)
class Reloaded:
    """What is read from files."""

    what: str
    """For the log."""
    files: Sequence[Path]
    read: Callable[[], None]
    """Reads them and takes over what they say, or raises and leaves all as it is."""


def read_now(reloaded: Sequence[Reloaded]) -> list[Versions]:
    """Read all files, which may have changed since they were first; their versions before."""
    seen = [_versions(each.files) for each in reloaded]
    for each in reloaded:
        _is_read(each)
    return seen


async def keep_reloading(
    reloaded: Sequence[Reloaded], seen: Sequence[Versions], told: asyncio.Event
) -> None:
    """Read files again when they change, and all when told to; until cancelled.

    ``seen`` are their versions from before they were read last.
    """
    seen = list(seen)
    while True:
        try:
            async with asyncio.timeout(_LOOK_S):
                await told.wait()
        except TimeoutError:
            pass
        is_told = told.is_set()
        told.clear()
        if is_told and not reloaded:
            _log.info("SIGHUP: no file is to be read again")
        for place, each in enumerate(reloaded):
            now = _versions(each.files)
            if is_told or now != seen[place]:
                seen[place] = now
                if _is_read(each):
                    _log.info("the %s were read again", each.what)


def _is_read(reloaded: Reloaded) -> bool:
    try:
        reloaded.read()
    except Exception as error:
        _log.error("the %s stay as they were: %s", reloaded.what, error)
        return False
    return True


def _versions(files: Sequence[Path]) -> Versions:
    return [_version(file) for file in files]


def _version(file: Path) -> tuple[int, int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
