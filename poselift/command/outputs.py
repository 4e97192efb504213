"""What output files are called, and how they come to be: whole or not at all."""

import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from poselift.command.usage import UsageError
from poselift.errors import InvalidInput


@dataclass(frozen=True)
class Target:
    """Where the files of one input go.

    Attributes:
        stem: the name of a file without the person and the ending.
        ending: that of the format, such as ``.bvh``.
    """

    folder: Path
    stem: str
    ending: str

    def paths(self, people: Sequence[str]) -> list[Path]:
        """A file for each person; one person's has no id in its name.

        Raises:
            InvalidInput: two people would have one file.
        """
        if len(people) == 1:
            return [self.folder / f"{self.stem}{self.ending}"]
        names = [f"{self.stem}-{_safe(person)}{self.ending}" for person in people]
        for name in _doubles(names):
            raise InvalidInput.at("ids of people", f"those of different files, found {name} twice")
        return [self.folder / name for name in names]


def targets(
    inputs: Sequence[Path], output: Path, to: str | None, endings: Iterable[str]
) -> list[Target]:
    """Where each input goes: ``OUT``, or ``OUT-INPUT`` of several; with ``to`` ``OUT/INPUT``.

    The folder of ``to`` is made.

    Raises:
        UsageError: no format has the ending, two inputs would go to one file, or there is no such
            folder.
    """
    known = list(endings)
    if to is not None:
        ending = f".{to.lower().lstrip('.')}"
        if ending not in known:
            names = ", ".join(each.lstrip(".") for each in known)
            raise UsageError.at("--to", f"one of {names}, found {to!r}")
        if output.exists() and not output.is_dir():
            raise UsageError.at(str(output), "a folder, for --to")
        output.mkdir(parents=True, exist_ok=True)
        return [Target(output, name, ending) for name in _own_names(inputs)]
    stem, ending = _parts(output, known)
    if len(inputs) == 1:
        return [Target(output.parent, stem, ending)]
    return [Target(output.parent, f"{stem}-{name}", ending) for name in _own_names(inputs)]


def _parts(output: Path, endings: Sequence[str]) -> tuple[str, str]:
    """The stem and the ending of a file's name; of several endings the longest."""
    if output.is_dir():
        raise UsageError.at("--to", f"the format of the files in the folder {output}")
    fitting = [each for each in endings if output.name.lower().endswith(each)]
    if not fitting:
        raise UsageError.at(str(output), f"a name that ends with {', '.join(endings)}")
    if not output.parent.is_dir():
        raise UsageError.at(str(output), "a file in a folder that exists")
    ending = max(fitting, key=len)
    return output.name[: -len(ending)], ending


def _own_names(inputs: Sequence[Path]) -> list[str]:
    """A name for each input: its own, with those of folders where these are the same."""
    paths = [path.resolve() for path in inputs]
    names = [_own_name(path) for path in paths]
    if _doubles(names):
        names = ["-".join((*_folders(path, paths), _own_name(path))) for path in paths]
    for name in _doubles(names):
        same = [str(path) for path, each in zip(inputs, names, strict=True) if each == name]
        raise UsageError.at("INPUT", f"names that differ without their endings, found {same}")
    return [_safe(name) for name in names]


def _own_name(path: Path) -> str:
    return path.name if path.is_dir() else path.stem


def _folders(path: Path, paths: Sequence[Path]) -> tuple[str, ...]:
    """The folders that a path is in, below those that all paths are in."""
    try:
        common = os.path.commonpath([each.parent for each in paths])
    except ValueError:  # drives of Windows
        return ()
    return path.parent.relative_to(common).parts


def _doubles(names: Iterable[str]) -> list[str]:
    """Names that are there twice, on disks that ignore case too."""
    counted = Counter(name.casefold() for name in names)
    return [name for name in names if counted[name.casefold()] > 1]


def _safe(name: str) -> str:
    """A name or an id as part of a file's name."""
    return re.sub(r"[^\w.-]", "_", name)


def is_newer(output: Path, path: Path) -> bool:
    """Whether an output is there and was written after the input, a file or a folder, changed."""
    if not output.is_file():
        return False
    files = [each for each in path.rglob("*") if each.is_file()] if path.is_dir() else [path]
    changed = max((each.stat().st_mtime_ns for each in files), default=0)
    return output.stat().st_mtime_ns > changed


def write_whole(output: Path, path: Path, writer: Callable[[Path], None]) -> None:
    """Write a file under another name and put it in its place when it is complete.

    Raises:
        InvalidInput: it would take the place of its input.
        OSError: it cannot be written.
    """
    if output.exists() and output.samefile(path):
        raise InvalidInput.at(str(output), "another file than the input")
    with TemporaryDirectory(prefix=".poselift-", dir=output.parent) as folder:
        unfinished = Path(folder) / output.name
        writer(unfinished)
        unfinished.replace(output)
