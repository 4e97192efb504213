"""What a reader reads: a file or folder, or bytes with a name; all of bounded size."""

import codecs
import io
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePath
from typing import Any, BinaryIO, Final

from poselift.errors import InvalidInput

MOST_BYTES: Final = 512 * 2**20
"""Of a file, and of what is unpacked from an archive."""
MOST_FILES: Final = 1_000_000
"""Of a folder."""
_HEAD_BYTES: Final = 4096


@dataclass(frozen=True, eq=False)
class Source:
    """A file or folder, or bytes with a name; what is parsed once is kept for the next reader.

    Attributes:
        name: the path, or the name given with the bytes; for messages and by its ending.
        path: where it is on the disk; None for bytes and folders of them.
    """

    name: str
    path: Path | None = None
    _content: bytes = field(default=b"", repr=False)
    _files: "tuple[Source, ...] | None" = field(default=None, repr=False)

    @classmethod
    def of(cls, path: str | PurePath) -> "Source":
        """A file or folder on the disk.

        Raises:
            FileNotFoundError: there is none.
        """
        found = Path(path)
        if not found.exists():
            raise FileNotFoundError(f"{path}: no such file or folder")
        return cls(str(path), found)

    @classmethod
    def of_bytes(cls, name: str, content: bytes) -> "Source":
        """The content of a file that is not on the disk."""
        return cls(name, None, content)

    @classmethod
    def of_files(cls, name: str, files: "Sequence[Source]") -> "Source":
        """A folder that is not on the disk, with files in natural order."""
        return cls(name, None, _files=tuple(files))

    @property
    def is_folder(self) -> bool:
        """Whether this is a folder, which has ``files`` and no content."""
        return self._files is not None or (self.path is not None and self.path.is_dir())

    @property
    def suffix(self) -> str:
        """The ending of the name in lower case, with its dot; empty for folders."""
        return "" if self.is_folder else PurePath(self.name).suffix.lower()

    @property
    def stem(self) -> str:
        """The name without folder and ending."""
        return PurePath(self.name).stem

    @property
    def size(self) -> int:
        """Bytes of content."""
        if self.path is None:
            return len(self._content)
        return 0 if self.is_folder else self.path.stat().st_size

    @property
    def head(self) -> bytes:
        """The first bytes of a file, by which binary formats are known."""
        if self.is_folder:
            return b""
        with self.open() as file:
            return file.read(_HEAD_BYTES)

    def open(self) -> BinaryIO:
        """The content as an open file.

        Raises:
            InvalidInput: this is a folder.
        """
        if self.is_folder:
            raise InvalidInput.at(self.name, "a file, found a folder")
        return io.BytesIO(self._content) if self.path is None else self.path.open("rb")

    def read_bytes(self) -> bytes:
        """The whole content.

        Raises:
            InvalidInput: there is more than ``MOST_BYTES``.
        """
        if self.size > MOST_BYTES:
            raise InvalidInput.at(self.name, f"{MOST_BYTES // 2**20} MiB at most")
        with self.open() as file:
            return file.read(self.size)

    def read_text(self) -> str:
        """The whole content as UTF-8, or as UTF-16 after its mark, which Windows tools write.

        Raises:
            InvalidInput: it is too large, or no such text.
        """
        content = self.read_bytes()
        is_wide = content[:2] in {codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE}
        try:
            return content.decode("utf-16" if is_wide else "utf-8-sig")
        except UnicodeDecodeError as error:
            raise InvalidInput.at(self.name, f"text in UTF-8: {error}") from None

    def read_json(self) -> Any:  # noqa: ANN401 - whatever the JSON is
        """The content as JSON, in which detectors write NaN for what is missing.

        Raises:
            InvalidInput: it is no JSON.
        """
        try:
            return json.loads(self.read_text())
        except (ValueError, RecursionError) as error:
            raise InvalidInput.at(self.name, f"JSON: {error}") from None

    @cached_property
    def json(self) -> Any:  # noqa: ANN401
        """``read_json``, parsed once; of single files, since a folder's would fill the memory."""
        return self.read_json()

    @cached_property
    def sniffed_json(self) -> Any:  # noqa: ANN401
        """The JSON of a file that has that ending or begins as JSON does; None if it is none."""
        if self.is_folder or not (self.suffix == ".json" or self.head.lstrip()[:1] in b"[{"):
            return None
        try:
            return self.json
        except InvalidInput:
            return None

    @cached_property
    def sniffed_lines(self) -> tuple[Any, ...]:
        """The JSON of the first lines, if this is a file of JSON lines; else nothing."""
        if self.is_folder or self.suffix not in {".jsonl", ".ndjson", ".json", ".txt"}:
            return ()
        lines = self._whole_lines(self.head.split(b"\n"))
        try:
            return tuple(json.loads(line.decode()) for line in lines if line.strip())
        except (ValueError, RecursionError):
            return ()

    def _whole_lines(self, lines: list[bytes]) -> list[bytes]:
        if self.size <= _HEAD_BYTES:
            return lines
        if len(lines) > 1:
            return lines[:-1]
        with self.open() as file:
            return [file.readline(MOST_BYTES)]

    def json_lines(self) -> Iterator[tuple[int, Any]]:
        """The JSON of each line that is not empty, with the line's number from 1.

        Raises:
            InvalidInput: a line is no JSON, naming it.
        """
        for number, line in enumerate(self.read_text().splitlines(), start=1):
            if not line.strip():
                continue
            try:
                yield number, json.loads(line)
            except (ValueError, RecursionError) as error:
                raise InvalidInput.at(f"{self.name}, line {number}", f"JSON: {error}") from None

    @cached_property
    def files(self) -> tuple["Source", ...]:
        """A folder's files but hidden ones, in natural order.

        Raises:
            InvalidInput: there are more than ``MOST_FILES``.
        """
        if self._files is not None:
            return self._files
        if self.path is None or not self.is_folder:
            return ()
        found: list[Path] = []
        for file in self.path.iterdir():
            if file.is_file() and not file.name.startswith("."):
                found.append(file)
            if len(found) > MOST_FILES:
                raise InvalidInput.at(self.name, f"{MOST_FILES} files at most")
        found.sort(key=lambda file: natural_key(file.name))
        return tuple(Source(str(PurePath(self.name) / file.name), file) for file in found)

    def files_ending(self, *suffixes: str) -> tuple["Source", ...]:
        """A folder's files with one of these endings, in natural order."""
        return tuple(file for file in self.files if file.suffix in suffixes)


def natural_key(name: str) -> tuple[tuple[int, int, str], ...]:
    """What to sort names by so that numbers within them count as numbers."""
    return tuple(
        (0, int(part), part) if part.isdecimal() and part.isascii() else (1, 0, part)
        for part in re.findall(r"[0-9]{1,999}|[^0-9]+", name)
    )
