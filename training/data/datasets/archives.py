"""Sources as the caller has them: folders, single files, zip and tar archives."""

import tarfile
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePosixPath

from poselift.errors import InvalidInput

SUFFIXES = (".asf", ".amc", ".bvh", ".npz")


@contextmanager
def opened(sources: Iterable[Path]) -> Iterator[list[Path]]:
    """The sources as folders and files; archives are unpacked for as long as the context lasts."""
    with ExitStack() as stack:
        yield [_opened(source, stack) for source in sources]


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
    with zipfile.ZipFile(source) as archive:
        for member in archive.infolist():
            if _wanted(member.filename, source):
                archive.extract(member, folder)


def _untar(source: Path, folder: Path) -> None:
    with tarfile.open(source) as archive:
        for member in archive:
            if member.isfile() and _wanted(member.name, source):
                archive.extract(member, folder, filter="data")


def _wanted(name: str, source: Path) -> bool:
    """Whether to unpack a member; one that would land elsewhere makes the archive unusable."""
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts:
        raise InvalidInput.at(f"{source}, member {name}", "a path inside the archive")
    return path.suffix.lower() in SUFFIXES
