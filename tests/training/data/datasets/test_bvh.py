from pathlib import Path

import numpy as np
import pytest

from poselift.errors import InvalidInput
from training.data.datasets.bvh import read_bvh

TEXT = """HIERARCHY
ROOT Hips
{
  OFFSET 1 0 0
  CHANNELS 6 Xposition Zposition Yposition Zrotation Xrotation Yrotation
  JOINT Leg
  {
    OFFSET 0 -2 0
    CHANNELS 3 Yrotation Xrotation Zrotation
    End Site
    {
      OFFSET 0 -1 0
    }
  }
}
MOTION
Frames: 3
Frame Time: .0083333
0 0 0   0 0 0   0 0 0
5 7 6   90 0 0   0 0 0
0 0 0   90 90 0   0 0 90
"""


def read(folder: Path, text: str):
    path = folder / "clip.bvh"
    path.write_text(text)
    return read_bvh(path)


def test_positions_are_exact(tmp_path: Path) -> None:
    motion = read(tmp_path, TEXT).motion()
    assert motion.joints == ("Hips", "Leg", "Leg_end")
    assert motion.fps == pytest.approx(120, rel=1e-5)
    np.testing.assert_allclose(motion.positions_TJ3[0], [[1, 0, 0], [1, -2, 0], [1, -3, 0]])
    # Position channels come in the file's order; 90 degrees about z turn -y into +x.
    np.testing.assert_allclose(motion.at("Hips")[1], [6, 6, 7])
    np.testing.assert_allclose(motion.at("Leg_end")[1], [9, 6, 7], atol=1e-12)
    # About z, then about the turned x: -y to -z in the root's frame, which z does not change; the
    # leg's own turn about its z then sends its end along the root's turned x, the world's y.
    np.testing.assert_allclose(motion.at("Leg")[2], [1, 0, -2], atol=1e-12)
    np.testing.assert_allclose(motion.at("Leg_end")[2], [1, 1, -2], atol=1e-12)


def test_rotations_take_the_rest_pose_to_the_world(tmp_path: Path) -> None:
    turn = read(tmp_path, TEXT).motion().turn("Hips")
    assert turn is not None
    np.testing.assert_allclose(turn[1] @ [1, 0, 0], [0, 1, 0], atol=1e-12)


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("MOTION", "NOTHING", "MOTION"),
        ("HIERARCHY", "TREE", "HIERARCHY"),
        ("JOINT Leg", "BONE Leg", "BONE"),
        ("OFFSET 0 -1 0", "OFFSET 0 -1 x", "HIERARCHY"),
        ("  }\n}\nMOTION", "  }\nMOTION", "braces"),
        ("Frames: 3", "Frames: 4", "4 frames of 9 numbers, found 27"),
        ("Frames: 3", "Frames: three", "MOTION"),
        ("5 7 6", "5 7 nought", "MOTION"),
        (".0083333", "0", "MOTION"),
    ],
)
def test_bad_files_are_refused_with_the_place(
    tmp_path: Path, old: str, new: str, place: str
) -> None:
    with pytest.raises(InvalidInput, match=place) as caught:
        read(tmp_path, TEXT.replace(old, new))
    assert "clip.bvh" in caught.value.detail
