import shutil
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.training.data.datasets.conftest import exit_status
from training.data.datasets.prepared import MotionSet
from training.prepare import COMMANDS, main


def test_from_a_folder(write_person, tmp_path: Path, capsys) -> None:
    write_person("01", clips=2)
    folder = write_person("02")
    output = tmp_path / "out" / "cmu.npz"
    arguments = ["cmu", "--source", str(folder), "--output", str(output), "--fps", "25"]
    assert exit_status([*arguments, "--held-out", "02", "77"]) == 0
    motions = MotionSet.load(output)
    assert motions.fps == 25.0
    assert motions.held_out.tolist() == [False, False, True]
    said = capsys.readouterr().out
    assert "amc: 3 clips, 100 frames for training, 50 held out" in said
    assert "held-out subjects not in the sources: 77" in said


def test_from_an_archive(write_person, tmp_path: Path) -> None:
    archive = shutil.make_archive(str(tmp_path / "allasfamc"), "zip", write_person("05"))
    output = tmp_path / "cmu.npz"
    assert exit_status(["cmu", "--source", archive, "--output", str(output)]) == 0
    assert MotionSet.load(output).names == ("05_01",)


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.mark.parametrize("clips", [[], ["05_01"]])
def test_downloaded_from_a_site(write_person, tmp_path: Path, clips: list[str]) -> None:
    folder = write_person("05")
    shutil.make_archive(str(tmp_path / "all"), "zip", folder)
    shutil.move(tmp_path / "all.zip", folder / "allasfamc.zip")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        output = tmp_path / "cmu.npz"
        status = exit_status(
            [
                *("cmu", "--download", *clips),
                *("--download-to", str(tmp_path / "fetched")),
                *("--base-url", f"http://127.0.0.1:{server.server_port}"),
                *("--output", str(output)),
            ]
        )
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert status == 0
    assert MotionSet.load(output).names == ("05_01",)


def test_a_wrong_source_is_named_and_nothing_written(tmp_path: Path, capsys) -> None:
    output = tmp_path / "cmu.npz"
    assert exit_status(["cmu", "--source", str(tmp_path / "nowhere"), "--output", str(output)]) == 2
    assert "nowhere" in capsys.readouterr().err
    assert not output.exists()


@pytest.mark.parametrize(
    "arguments", [["cmu"], [], ["cmu", "--fps", "0", "--source", "."], ["other"]]
)
def test_wrong_arguments(arguments: list[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(arguments)


def test_help(capsys) -> None:
    assert exit_status(["cmu", "--help"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "NSF EIA-0196217" in said
    assert "03,05,39,131" in said


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command, capsys) -> None:
    assert exit_status([command, "--help"]) == 0
    assert f"data/{command}.npz" in capsys.readouterr().out
