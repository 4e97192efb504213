"""The wheel, installed into an empty environment: the library without a server, and its command."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

LIFT = """
import sys
import numpy as np
import poselift
assert "site-packages" in poselift.__file__, poselift.__file__
keypoints = np.load(sys.argv[1])
poses = poselift.lift(keypoints, image_size=(1000, 800))
print(poses.poses.shape, poses.trajectory.shape)
"""


def run(*arguments: object, cwd: Path) -> str:
    done = subprocess.run(
        list(map(str, arguments)), cwd=cwd, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", folder, ROOT, cwd=folder)
    (built,) = folder.glob("poselift-*.whl")
    return built


def test_the_wheel_holds_the_library_and_the_service(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names if ".dist-info" not in name}
    assert tops == {"poselift", "service"}
    assert "poselift/models/symmetric243/weights.bin" in names
    assert "poselift/py.typed" in names
    assert "poselift/video/mediapipe_requirements.txt" in names
    assert {"service/page/index.html", "service/page/licences.md"} <= set(names)
    page = {path.name for path in (ROOT / "service" / "page" / "page").iterdir()}
    assert page <= {name.rpartition("/")[2] for name in names if "service/page/page/" in name}


@pytest.mark.timeout(900)
def test_it_lifts_in_an_empty_environment_with_an_unrelated_service_module(
    wheel: Path, tmp_path: Path
) -> None:
    import numpy as np  # noqa: PLC0415 - only this test needs it

    from tests.models import person_clip  # noqa: PLC0415

    np.save(tmp_path / "keypoints.npy", person_clip(20))
    (tmp_path / "service.py").write_text("raise RuntimeError('not this one')\n")
    run(sys.executable, "-m", "venv", tmp_path / "venv", cwd=tmp_path)
    binaries = tmp_path / "venv" / "bin"
    run(binaries / "python", "-m", "pip", "install", "-q", wheel, cwd=tmp_path)
    bare = subprocess.run(
        [binaries / "python", "-c", LIFT, "keypoints.npy"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "poselift[cpu]" in bare.stderr
    assert "poselift[gpu]" in bare.stderr
    run(binaries / "python", "-m", "pip", "install", "-q", f"{wheel}[cpu]", cwd=tmp_path)
    shapes = run(binaries / "python", "-c", LIFT, "keypoints.npy", cwd=tmp_path)
    assert shapes.strip() == "(20, 17, 3) (20, 3)"
    run(
        *(binaries / "poselift", "lift", "keypoints.npy", "-o", "poses.npz"),
        *("--image-size", "1000", "800"),
        cwd=tmp_path,
    )
    with np.load(tmp_path / "poses.npz") as written:
        assert written["poses"].shape == (20, 17, 3)
