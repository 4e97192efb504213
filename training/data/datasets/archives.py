"""Sources as the caller has them, folders, files and archives, and the CMU database's own site."""

import http.client
import re
import tarfile
import tempfile
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import cast

from tqdm import tqdm

from poselift.errors import InvalidInput, PoseliftError
from poselift.readers.unpacking import check_ratio

SUFFIXES = (".asf", ".amc", ".bvh", ".npz", ".c3d")
ARCHIVES = (".zip", ".tar", ".tgz", ".tar.gz", ".tar.xz", ".tar.bz2")
"""What ends the names of the archives that are looked for in a folder."""


_MOST_MEMBERS = 250_000
_MOST_BYTES = 64 * 2**30
"""Ten times the CMU database."""


@contextmanager
def opened(sources: Iterable[Path]) -> Iterator[list[Path]]:
    """The sources as folders and files; archives are unpacked for as long as the context lasts.

    The archives that are in a folder follow it.
    """
    given = list(sources)
    inside = [path for source in given for path in _archives(source)]
    with ExitStack() as stack:
        yield [_opened(source, stack) for source in dict.fromkeys([*given, *inside])]


def _archives(folder: Path) -> list[Path]:
    """Archives in a folder, to its depth."""
    if not folder.is_dir():
        return []
    return [path for path in sorted(folder.rglob("*")) if path.name.lower().endswith(ARCHIVES)]


def _opened(source: Path, stack: ExitStack) -> Path:
    if not source.exists():
        raise InvalidInput.at(str(source), "a folder, an archive or a motion file that exists")
    if source.is_dir() or source.suffix.lower() in SUFFIXES:
        return source
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="poselift-")))
    try:
        if zipfile.is_zipfile(source):
            _unzip(source, folder)
        elif tarfile.is_tarfile(source):
            _untar(source, folder)
        else:
            expected = f"a folder, a zip or tar archive, or {', '.join(SUFFIXES)}"
            raise InvalidInput.at(str(source), expected)
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, OSError) as error:
        raise InvalidInput.at(str(source), f"an undamaged, harmless archive: {error}") from error
    return folder


def _unzip(source: Path, folder: Path) -> None:
    room = _Room(source)
    with zipfile.ZipFile(source) as archive:
        for member in archive.infolist():
            room.take(member.file_size)
            if _wanted(member.filename, source):
                archive.extract(member, folder)


def _untar(source: Path, folder: Path) -> None:
    room = _Room(source)
    with tarfile.open(source) as archive:
        for member in archive:
            room.take(member.size)
            if member.isfile() and _wanted(member.name, source):
                archive.extract(member, folder, filter="data")


class _Room:
    """What an archive may take when it is unpacked."""

    def __init__(self, source: Path) -> None:
        self._source = source
        self._packed_bytes = source.stat().st_size
        self._members = 0
        self._bytes = 0

    def take(self, size: int) -> None:
        """Make room for a member of this size; `InvalidInput` where there is none."""
        self._members += 1
        self._bytes += size
        check_ratio(str(self._source), self._bytes, self._packed_bytes)
        if self._bytes > _MOST_BYTES or self._members > _MOST_MEMBERS:
            expected = f"{_MOST_MEMBERS} files of {_MOST_BYTES // 2**30} GiB at most in an archive"
            raise InvalidInput.at(str(self._source), f"{expected}; or the folder, unpacked")


def _wanted(name: str, source: Path) -> bool:
    """Whether to unpack a member; one that would land elsewhere makes the archive unusable."""
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts:
        raise InvalidInput.at(f"{source}, member {name}", "a path inside the archive")
    return path.suffix.lower() in SUFFIXES


CMU_SITE = "http://mocap.cs.cmu.edu"
"""It answers over plain HTTP only."""
WHOLE_DATABASE = "allasfamc.zip"
BLOCK_BYTES = 1 << 18


class DownloadError(PoseliftError):
    """A site gave no complete answer; running the command again goes on where it stopped."""


@dataclass(frozen=True)
class Patience:
    """How long to wait for an answer, how often to try again, how long to rest before."""

    timeout_s: float = 30.0
    attempts: int = 6
    rest_s: float = 1.0


def remote_paths(clips: Iterable[str]) -> list[str]:
    """Paths on the site: of clips named NN_MM and their skeletons, or of everything if none."""
    paths = []
    for clip in clips:
        found = re.fullmatch(r"(\d{2,3})_(\d{2,3})", clip)
        if not found:
            raise InvalidInput.at(f"clip {clip}", "a name like 02_01: subject and trial")
        subject = found[1]
        paths += [f"subjects/{subject}/{subject}.asf", f"subjects/{subject}/{clip}.amc"]
    return list(dict.fromkeys(paths)) or [WHOLE_DATABASE]


def download(
    folder: Path, clips: Iterable[str], base_url: str = CMU_SITE, patience: Patience | None = None
) -> list[Path]:
    """Fetch what is not there yet into a folder laid out as on the site; return the files."""
    paths = remote_paths(clips)
    for path in paths:
        if not (folder / path).exists():
            fetch(f"{base_url.rstrip('/')}/{path}", folder / path, patience or Patience())
    return [folder / path for path in paths]


def fetch(url: str, target: Path, patience: Patience) -> None:
    """Fetch one file, going on where an earlier attempt or run stopped; in place once complete."""
    if not url.startswith(("http://", "https://")):
        raise InvalidInput.at(url, "an http or https address")
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f"{target.name}.partial")
    for attempt in range(patience.attempts):
        if attempt:
            time.sleep(patience.rest_s * 2 ** (attempt - 1))
        try:
            if _continue(url, partial, patience.timeout_s):
                partial.replace(target)
                return
        except urllib.error.HTTPError as error:
            if error.code < 500 and error.code not in (408, 416, 429):
                expected = f"a file at this address, found status {error.code}"
                raise InvalidInput.at(url, expected) from error
            if error.code == 416:
                partial.unlink(missing_ok=True)
        except (OSError, http.client.HTTPException):
            continue
    raise DownloadError(f"{url}: no complete answer in {patience.attempts} attempts; run it again")


def _continue(url: str, partial: Path, timeout_s: float) -> bool:
    """Append what is missing; True when the file is whole."""
    have = partial.stat().st_size if partial.exists() else 0
    request = urllib.request.Request(url)  # noqa: S310  fetch has checked the scheme
    if have:
        request.add_header("Range", f"bytes={have}-")
    with urllib.request.urlopen(request, timeout=timeout_s) as answer:  # noqa: S310
        answer = cast("http.client.HTTPResponse", answer)
        start, total = _extent(answer, have)
        progress = tqdm(total=total, initial=start, desc=partial.stem, unit="B", unit_scale=True)
        with partial.open("r+b" if start else "wb") as file, progress:
            file.seek(start)
            while block := answer.read(BLOCK_BYTES):
                file.write(block)
                progress.update(len(block))
            return total is None or file.tell() == total


def _extent(answer: http.client.HTTPResponse, have: int) -> tuple[int, int | None]:
    """Where the answer begins in the file, and how long the file is."""
    if answer.status == http.client.PARTIAL_CONTENT:
        found = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", answer.headers.get("Content-Range", ""))
        if found and int(found[1]) == have:
            return have, int(found[2])
        raise http.client.HTTPException("the server sent another part than was asked for")
    length = answer.headers.get("Content-Length")
    return 0, int(length) if length else None
