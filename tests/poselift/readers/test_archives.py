"""Folders in ZIP archives: read as the folder itself is, and nothing else comes out of them."""

import io
import stat
import tracemalloc
import zipfile
from collections.abc import Mapping
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZIP_LZMA, ZIP_STORED, ZipFile, ZipInfo

import h5py
import numpy as np
import pytest

import poselift
from poselift.errors import InvalidInput
from poselift.readers.archives import unpacked
from poselift.readers.source import Source
from tests.poselift.readers.examples import EXAMPLES, write

FOLDERS = [name for name, example in EXAMPLES.items() if example.is_folder]
OPENPOSE = EXAMPLES["openpose two people"].files


def zipped(files: Mapping[str | ZipInfo, str | bytes], method: int = ZIP_DEFLATED) -> bytes:
    made = io.BytesIO()
    with ZipFile(made, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return made.getvalue()


def read(content: bytes, name: str = "walk.zip", **options: object) -> poselift.readers.clips.Clips:
    return poselift.read(Source.of_bytes(name, content), **options)


@pytest.mark.parametrize("name", FOLDERS)
@pytest.mark.parametrize("inside", ["", "out/keypoints/"])
def test_a_folder_is_read_as_it_is(name: str, inside: str, tmp_path: Path) -> None:
    files = {inside + file: content for file, content in EXAMPLES[name].files.items()}
    path = tmp_path / "walk.zip"
    path.write_bytes(zipped(files))
    (tmp_path / "folder").mkdir()
    expected = poselift.read(write(EXAMPLES[name], tmp_path / "folder"))
    found = poselift.read(path)
    assert (found.reader, len(found)) == (expected.reader, len(expected))
    for clip, other in zip(found, expected, strict=True):
        assert (clip.id, clip.first_frame) == (other.id, other.first_frame)
        np.testing.assert_array_equal(clip.keypoints, other.keypoints)


def test_what_systems_add_and_folders_below_are_passed_over() -> None:
    added = {
        "__MACOSX/out/._0.json": b"\x00",
        "out/.DS_Store": b"\x00",
        "out/images/0.png": b"\x89PNG",
        "out/empty/": b"",
    }
    assert len(read(zipped({f"out/{name}": text for name, text in OPENPOSE.items()} | added))) == 2


def test_names_with_backslashes_are_folders_of_windows() -> None:
    files = {ZipInfo("x"): content for content in OPENPOSE.values()}
    for info, name in zip(files, OPENPOSE, strict=True):
        info.filename = f"out\\{name}"
    assert len(read(zipped(files))) == 2


def test_a_single_file_is_that_file() -> None:
    example = EXAMPLES["coco results"]
    ((_, content),) = example.files.items()
    assert read(zipped({"results.json": content})).reader == "coco"


def test_archives_are_known_without_a_name_and_arrays_of_numpy_stay_arrays() -> None:
    assert read(zipped(OPENPOSE), "file").reader == "openpose"
    arrays = io.BytesIO()
    np.savez(arrays, keypoints=np.ones((4, 17, 3), np.float32))
    for name in ("file", "keypoints.npz"):
        source = Source.of_bytes(name, arrays.getvalue())
        assert unpacked(source) is source


def bomb(names: int = 1, megabytes: int = 100) -> bytes:
    return zipped({f"{n}.json": bytes(megabytes * 2**20) for n in range(names)})


def with_link() -> ZipInfo:
    info = ZipInfo("0.json")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


def patched(content: bytes, old: bytes, new: bytes) -> bytes:
    assert len(old) == len(new)
    return content.replace(old, new)


def encrypted() -> bytes:
    content = bytearray(zipped({"0.json": "{}"}))
    content[content.index(b"PK\x01\x02") + 8] |= 1
    return bytes(content)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (bomb(), "content packed to 1/100 at best, found 104857600 bytes in 1"),
        (zipped({"../0.json": "{}"}), "'../0.json': expected a name within the archive"),
        (zipped({"/etc/0.json": "{}"}), "'/etc/0.json': expected a name within the archive"),
        (zipped({"a\\..\\..\\0.json": "{}"}), "expected a name within the archive"),
        (zipped({with_link(): "/etc/passwd"}), "expected a file, found a link or a device"),
        (encrypted(), "'0.json': expected a file without a password"),
        (zipped({"0.json": "{}"}, ZIP_LZMA), "expected a file that is deflated or stored"),
        (zipped({"a/0.json": "{}", "b/0.json": "{}"}), "an archive of one folder, found a and b"),
        (zipped({"a/0.json": "{}", "./a/0.json": "{}"}), "different names, found 0.json twice"),
        (zipped({".hidden": "{}"}), "files in the archive, found none"),
        (zipped({"0.json": "{}"})[:-30], "a ZIP archive: File is not a zip file"),
        (b"PK\x03\x04" + b"\xff" * 100, "a ZIP archive: File is not a zip file"),
        (
            patched(zipped({"0.json": '{"people": 1}'}, ZIP_STORED), b"people", b"pe0ple"),
            "Bad CRC-32 for file",
        ),
        (zipped({"inner.zip": zipped(OPENPOSE)}), "a file or folder of a known format"),
    ],
    ids=lambda value: value[:20] if isinstance(value, str) else "",
)
def test_what_is_refused(content: bytes, said: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read(content)
    assert said in refused.value.detail
    assert refused.value.detail.startswith("walk.zip")


def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    content = bomb()
    tracemalloc.start()
    with pytest.raises(InvalidInput, match="content packed to 1/100"):
        read(content)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 16 * 2**20


def test_all_members_count_together(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = zipped({f"{n}.json": np.random.default_rng(n).bytes(2**20) for n in range(9)})
    monkeypatch.setattr("poselift.readers.archives.MOST_BYTES", 8 * 2**20)
    with pytest.raises(InvalidInput, match="8 MiB at most when unpacked"):
        read(whole)


def test_a_member_gives_no_more_than_it_says() -> None:
    content = zipped({"0.json": bytes(50 * 2**20), "1.json": "{}"})
    said, small = (50 * 2**20).to_bytes(4, "little"), (1000).to_bytes(4, "little")
    tracemalloc.start()
    with pytest.raises(InvalidInput, match="Bad CRC-32"):
        read(patched(content, said, small))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 16 * 2**20


def test_members_are_counted_before_they_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("poselift.readers.archives._MOST_MEMBERS", 3)
    listed = []
    monkeypatch.setattr(zipfile.ZipFile, "infolist", listed.append)
    with pytest.raises(InvalidInput, match="3 files at most in an archive"):
        read(zipped(OPENPOSE))
    assert not listed


def compressed_arrays() -> bytes:
    arrays = io.BytesIO()
    np.savez_compressed(arrays, keypoints=np.zeros((100_000, 17, 3)))
    return arrays.getvalue()


def empty_hdf5() -> bytes:
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        file["node_names"] = np.array([b"nose"] * 17)
        file.create_dataset(
            "tracks", (1, 2, 17, 600_000), "f4"
        )  # takes no room until it is written
    return content.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "reader"),
    [("keypoints.npz", compressed_arrays(), "array"), ("keypoints.h5", empty_hdf5(), "sleap")],
)
def test_files_of_arrays_that_unpack_to_far_more_are_refused(
    name: str, content: bytes, reader: str
) -> None:
    assert len(content) < 2**19
    with pytest.raises(InvalidInput, match=r"content packed to 1/1000? at best"):
        poselift.read(Source.of_bytes(name, content), reader=reader)
