import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from poselift.errors import InvalidInput
from training.data.datasets.archives import opened


def write_zip(path: Path, names: list[str]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, name)
    return path


def write_tar(path: Path, names: list[str]) -> Path:
    with tarfile.open(path, "w:xz") as archive:
        for name in names:
            member = tarfile.TarInfo(name)
            member.size = len(name)
            archive.addfile(member, io.BytesIO(name.encode()))
    return path


WRITERS = {"a.zip": write_zip, "a.tar.xz": write_tar}


@pytest.mark.parametrize("name", WRITERS)
def test_motion_files_are_unpacked_and_cleared_away(tmp_path: Path, name: str) -> None:
    path = WRITERS[name](tmp_path / name, ["all/subjects/01/01.asf", "all/01.AMC", "movie.avi"])
    with opened([path, tmp_path]) as (folder, same):
        found = {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}
        assert found == {"all/subjects/01/01.asf", "all/01.AMC"}
        assert (folder / "all/01.AMC").read_text() == "all/01.AMC"
        assert same == tmp_path
    assert not folder.exists()


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("member", ["../01.asf", "/01.asf", "all/../../01.asf", "..\\01.asf"])
def test_members_outside_the_archive_are_refused(tmp_path: Path, name: str, member: str) -> None:
    place = tmp_path / "place"
    place.mkdir()
    path = WRITERS[name](place / name, ["good.asf", member])
    with pytest.raises(InvalidInput, match="a path inside the archive"), opened([path]):
        pass
    assert {p.name for p in tmp_path.rglob("*") if p.is_file()} == {name}


@pytest.mark.parametrize("name", WRITERS)
def test_an_archive_that_unpacks_to_far_more_is_refused_before(tmp_path: Path, name: str) -> None:
    path = WRITERS[name](tmp_path / name, [])
    if name == "a.zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("01.bvh", bytes(64 * 2**20))
    else:
        with tarfile.open(path, "w:xz", preset=0) as tar:
            member = tarfile.TarInfo("01.bvh")
            member.size = 64 * 2**20
            tar.addfile(member, io.BytesIO(bytes(member.size)))
    assert path.stat().st_size < 2**19
    with pytest.raises(InvalidInput, match="content packed to 1/100"), opened([path]):
        pass


def test_links_in_an_archive_are_not_followed(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as archive:
        link = tarfile.TarInfo("01.asf")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/hostname"
        archive.addfile(link)
    with opened([path]) as (folder,):
        assert list(folder.rglob("*")) == []


@pytest.mark.parametrize("content", [b"rubbish", b"PK\x05\x06 cut short"])
def test_another_kind_of_file(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "thing.dat").write_bytes(content)
    with pytest.raises(InvalidInput, match=r"thing\.dat"), opened([tmp_path / "thing.dat"]):
        pass


def test_a_damaged_archive(tmp_path: Path) -> None:
    path = write_tar(tmp_path / "a.tar.xz", [f"{i}.asf" for i in range(500)])
    path.write_bytes(path.read_bytes()[:-80])
    with pytest.raises(InvalidInput, match="undamaged"), opened([path]):
        pass


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="nowhere"), opened([tmp_path / "nowhere"]):
        pass


def test_archives_in_a_folder_are_unpacked_too(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    write_zip(tmp_path / "deep" / "b.zip", ["02.asf"])
    write_tar(tmp_path / "a.tar.xz", ["01.asf"])
    with opened([tmp_path]) as (folder, *unpacked):
        assert folder == tmp_path
        names = [{path.name for path in place.rglob("*")} for place in unpacked]
        assert names == [{"01.asf"}, {"02.asf"}]
    assert not any(place.exists() for place in unpacked)
