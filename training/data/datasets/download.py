"""Fetching the CMU database from its own site, piece by piece if need be."""

import http.client
import re
import time
import urllib.error
import urllib.request
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from tqdm import tqdm

from poselift.errors import InvalidInput, PoseliftError

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
