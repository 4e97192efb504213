"""What a reader is, and which one reads a file."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from poselift.errors import InvalidInput
from poselift.readers.detections import Detections
from poselift.readers.source import Source


@dataclass(frozen=True)
class Reader:
    """Reads the files of one format.

    Attributes:
        name: what ``--reader`` takes.
        reads: the tools and files that it reads, in words; a row of ``docs/readers.md``.
        looks_for: by what it knows a file, in words.
        sniff: whether a source is of this format; raises nothing, and is quick.
        read: the detections in a source of this format; raises ``InvalidInput`` if something in it
            is wrong.
    """

    name: str
    reads: str
    looks_for: str
    sniff: Callable[[Source], bool]
    read: Callable[[Source], Detections]


def choose(source: Source, readers: Sequence[Reader], name: str | None = None) -> Reader:
    """The reader of this name, or the only one that takes the source.

    Raises:
        InvalidInput: there is none of this name, or none or several take the source.
    """
    if name is not None:
        named = [reader for reader in readers if reader.name == name]
        if not named:
            names = ", ".join(reader.name for reader in readers)
            raise InvalidInput.at("reader", f"one of {names}, found {name!r}")
        return named[0]
    takers = [reader for reader in readers if reader.sniff(source)]
    if len(takers) == 1:
        return takers[0]
    if takers:
        names = ", ".join(reader.name for reader in takers)
        raise InvalidInput.at(source.name, f"one format, found that {names} read it: name one")
    _refuse_unreadable(source)
    looked_for = "; ".join(f"{reader.name}: {reader.looks_for}" for reader in readers)
    raise InvalidInput.at(source.name, f"a file or folder of a known format ({looked_for})")


def _refuse_unreadable(source: Source) -> None:
    """Say first what keeps every reader from knowing a file."""
    if source.is_folder and not source.files:
        raise InvalidInput.at(source.name, "files in the folder, found none")
    if not source.is_folder and not source.size:
        raise InvalidInput.at(source.name, "some content, found an empty file")
    if source.suffix == ".json" and not source.sniffed_lines:
        source.json  # noqa: B018 - raises what is wrong with it
