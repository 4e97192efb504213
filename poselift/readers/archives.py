"""ZIP archives of a folder, read into memory: no member is ever written to a disk."""

import stat
import zlib
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath
from typing import Final
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from poselift.errors import InvalidInput
from poselift.readers.numpy_files import ZIP
from poselift.readers.source import MOST_BYTES, Source, natural_key
from poselift.readers.unpacking import check_ratio

_MOST_MEMBERS: Final = 250_000
"""More than two hours of a file for each frame; each takes half a kilobyte to list."""
_LISTED: Final = b"PK\x01\x02"
"""Before each member in the archive's list of them."""
_ENCRYPTED: Final = 1
_NOT_OF_THE_FOLDER: Final = "__MACOSX"
"""What macOS adds of its own."""
_DAMAGED: Final = (BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError)


def unpacked(source: Source) -> Source:
    """The folder in a ZIP archive, the file if it holds a single one; other sources as they are.

    Raises:
        InvalidInput: it is damaged or encrypted, unpacks to too much, holds links, names that lead
            out of it or several folders.
    """
    if source.is_folder or source.suffix not in {".zip", ""} or not source.head.startswith(ZIP):
        return source
    content = source.read_bytes()
    if content.count(_LISTED) > _MOST_MEMBERS:
        raise InvalidInput.at(source.name, f"{_MOST_MEMBERS} files at most in an archive")
    try:
        with source.open() as file, ZipFile(file) as archive:
            members = [each for each in archive.infolist() if not each.is_dir()]
            if source.suffix != ".zip" and all(each.filename.endswith(".npy") for each in members):
                return source  # arrays of NumPy, whose archives are ZIP too
            chosen = _of_one_folder(source.name, members)
            _check_size(source.name, chosen.values(), len(content))
            files = [
                Source.of_bytes(f"{source.name}/{name}", _content(archive, member))
                for name, member in chosen.items()
            ]
    except _DAMAGED as error:
        raise InvalidInput.at(source.name, f"a ZIP archive: {error}") from None
    return files[0] if len(files) == 1 else Source.of_files(source.name, files)


def _content(archive: ZipFile, member: ZipInfo) -> bytes:
    """A member's content: as much as it says, however much was packed."""
    with archive.open(member) as file:
        return file.read(member.file_size)  # read() would unpack it all, to cut it afterwards


def _of_one_folder(where: str, members: Sequence[ZipInfo]) -> dict[str, ZipInfo]:
    """The files of the archive's uppermost folder that has some, by name in natural order."""
    paths = [(path, member) for member in members if (path := _path(where, member)) is not None]
    depth = min((len(path.parts) for path, _ in paths), default=0)
    chosen: dict[str, ZipInfo] = {}
    folders = {path.parent for path, _ in paths if len(path.parts) == depth}
    if len(folders) > 1:
        found = " and ".join(str(folder) for folder in sorted(folders)[:2])
        raise InvalidInput.at(where, f"an archive of one folder, found {found}")
    for path, member in paths:
        if len(path.parts) == depth and chosen.setdefault(path.name, member) is not member:
            raise InvalidInput.at(where, f"files of different names, found {path.name} twice")
    if not chosen:
        raise InvalidInput.at(where, "files in the archive, found none")
    return {name: chosen[name] for name in sorted(chosen, key=natural_key)}


def _path(where: str, member: ZipInfo) -> PurePosixPath | None:
    """The place of a member within the archive; None for hidden files.

    Raises:
        InvalidInput: it leads out of it, is no file, or is written in a way that is not read.
    """
    path = PurePosixPath(member.filename.replace("\\", "/"))
    named = f"{where}: {member.filename[:100]!r}"
    if not path.parts or path.is_absolute() or ".." in path.parts:
        raise InvalidInput.at(named, "a name within the archive")
    mode = member.external_attr >> 16
    if stat.S_IFMT(mode) not in {0, stat.S_IFREG}:
        raise InvalidInput.at(named, "a file, found a link or a device")
    if member.flag_bits & _ENCRYPTED:
        raise InvalidInput.at(named, "a file without a password")
    if member.compress_type not in {ZIP_STORED, ZIP_DEFLATED}:
        raise InvalidInput.at(named, "a file that is deflated or stored, as usual archives have it")
    is_hidden = any(part.startswith(".") for part in path.parts)
    return None if is_hidden or path.parts[0] == _NOT_OF_THE_FOLDER else path


def _check_size(where: str, members: Iterable[ZipInfo], packed_bytes: int) -> None:
    """Refuse what unpacks to too much before it does."""
    total = sum(member.file_size for member in members)
    if total > MOST_BYTES:
        raise InvalidInput.at(where, f"{MOST_BYTES // 2**20} MiB at most when unpacked")
    check_ratio(where, total, packed_bytes)
