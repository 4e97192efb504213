import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from poselift.errors import InvalidInput
from training.data.datasets.archives import DownloadError, Patience, download, fetch, remote_paths

QUICK = Patience(timeout_s=5.0, attempts=3, rest_s=0.01)


@dataclass
class Site:
    """A site laid out as CMU's, that can break off answers."""

    files: dict[str, bytes]
    ranges: bool = True
    break_after: list[int] = field(default_factory=list)
    """For each request to come: bytes after which the connection drops."""
    fail_with: list[int] = field(default_factory=list)
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    url: str = ""


def handler(site: Site) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = self.headers.get("Range")
            site.asked.append((self.path, wanted))
            content = site.files.get(self.path)
            if site.fail_with or content is None:
                self.send_error(site.fail_with.pop(0) if site.fail_with else 404)
                return
            found = re.fullmatch(r"bytes=(\d+)-", wanted or "")
            start = int(found[1]) if found and site.ranges else 0
            if start and start >= len(content):
                self.send_error(416)
                return
            self.send_response(206 if start else 200)
            if start:
                last = len(content) - 1
                self.send_header("Content-Range", f"bytes {start}-{last}/{len(content)}")
            self.send_header("Content-Length", str(len(content) - start))
            self.end_headers()
            stop = start + site.break_after.pop(0) if site.break_after else len(content)
            self.wfile.write(content[start:stop])

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    return Handler


@pytest.fixture
def site() -> Iterator[Site]:
    random = np.random.default_rng(0)
    site = Site(
        {
            "/allasfamc.zip": random.bytes(1_000_000),
            "/subjects/02/02.asf": b"skeleton",
            "/subjects/02/02_01.amc": b"motion one",
            "/subjects/02/02_05.amc": b"motion five",
            "/subjects/131/131.asf": b"another",
            "/subjects/131/131_01.amc": b"its motion",
        }
    )
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(site))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    site.url = f"http://127.0.0.1:{server.server_port}"
    yield site
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_whole_database(site: Site, tmp_path: Path) -> None:
    (path,) = download(tmp_path, [], site.url + "/", QUICK)
    assert path == tmp_path / "allasfamc.zip"
    assert path.read_bytes() == site.files["/allasfamc.zip"]
    assert site.asked == [("/allasfamc.zip", None)]


def test_single_clips_come_with_their_skeletons_once(site: Site, tmp_path: Path) -> None:
    paths = download(tmp_path, ["02_01", "02_05", "131_01"], site.url, QUICK)
    assert [str(path.relative_to(tmp_path)) for path in paths] == [
        "subjects/02/02.asf",
        "subjects/02/02_01.amc",
        "subjects/02/02_05.amc",
        "subjects/131/131.asf",
        "subjects/131/131_01.amc",
    ]
    for path in paths:
        assert path.read_bytes() == site.files[f"/{path.relative_to(tmp_path)}"]
    asked = len(site.asked)
    assert download(tmp_path, ["02_01"], site.url, QUICK) == paths[:2]
    assert len(site.asked) == asked


def test_a_broken_download_is_resumed(site: Site, tmp_path: Path) -> None:
    site.break_after = [300_000, 200_000]
    (path,) = download(tmp_path, [], site.url, QUICK)
    assert path.read_bytes() == site.files["/allasfamc.zip"]
    asked = [wanted for _, wanted in site.asked]
    assert asked == [None, "bytes=300000-", "bytes=500000-"]
    assert [p.name for p in tmp_path.iterdir()] == ["allasfamc.zip"]


def test_another_run_resumes_a_download(site: Site, tmp_path: Path) -> None:
    site.break_after = [100_000] * 3
    with pytest.raises(DownloadError, match="run it again"):
        download(tmp_path, [], site.url, QUICK)
    assert [p.name for p in tmp_path.iterdir()] == ["allasfamc.zip.partial"]
    (path,) = download(tmp_path, [], site.url, QUICK)
    assert path.read_bytes() == site.files["/allasfamc.zip"]
    assert site.asked[-1] == ("/allasfamc.zip", "bytes=300000-")


def test_a_site_without_ranges_starts_over(site: Site, tmp_path: Path) -> None:
    site.ranges = False
    site.break_after = [300_000]
    (path,) = download(tmp_path, [], site.url, QUICK)
    assert path.read_bytes() == site.files["/allasfamc.zip"]


def test_a_partial_file_that_is_too_long_starts_over(site: Site, tmp_path: Path) -> None:
    (tmp_path / "allasfamc.zip.partial").write_bytes(bytes(1_000_001))
    (path,) = download(tmp_path, [], site.url, QUICK)
    assert path.read_bytes() == site.files["/allasfamc.zip"]


def test_a_busy_site_is_asked_again(site: Site, tmp_path: Path) -> None:
    site.fail_with = [503, 429]
    (path,) = download(tmp_path, [], site.url, QUICK)
    assert path.read_bytes() == site.files["/allasfamc.zip"]


def test_a_clip_that_is_not_there(site: Site, tmp_path: Path) -> None:
    with pytest.raises(
        InvalidInput, match=r"02_77\.amc: expected a file at this address, found .* 404"
    ):
        download(tmp_path, ["02_77"], site.url, QUICK)
    assert not (tmp_path / "subjects/02/02_77.amc").exists()


def test_a_site_that_does_not_answer(tmp_path: Path) -> None:
    with pytest.raises(DownloadError):
        fetch("http://127.0.0.1:9/file", tmp_path / "file", QUICK)


@pytest.mark.parametrize("clip", ["2", "../../02_01", "02_01.amc", "02-01"])
def test_names_of_clips(clip: str) -> None:
    with pytest.raises(InvalidInput, match="a name like 02_01"):
        remote_paths([clip])


def test_other_schemes(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="http or https"):
        fetch("file:///etc/hostname", tmp_path / "file", QUICK)
