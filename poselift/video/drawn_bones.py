"""What is drawn of a keypoint format: its bones, and faces, hands and feet."""

from itertools import pairwise
from typing import Final

from poselift.formats import KeypointFormat

_SIDES: Final = ("left", "right")
_CHAINS: Final = (
    *((f"{side}_heel", f"{side}_foot_index", f"{side}_ankle") for side in _SIDES),
    *((f"{side}_wrist", f"{side}_{finger}") for side in _SIDES for finger in ("index", "thumb")),
    *((f"{side}_wrist", f"{side}_pinky", f"{side}_index") for side in _SIDES),
    ("left_mouth", "right_mouth"),
    *(
        ("nose", *(f"{side}_eye{place}" for place in ("_inner", "", "_outer")), f"{side}_ear")
        for side in _SIDES
    ),
)
"""MediaPipe's joints that no other format has."""
_FACE: Final = (
    *(range(17), range(17, 22), range(22, 27), range(27, 31), range(31, 36)),
    *((*range(36, 42), 36), (*range(42, 48), 42), (*range(48, 60), 48), (*range(60, 68), 60)),
)
"""The lines of a face of 68 points: jaw, brows, nose, eyes and lips."""
_HAND: Final = tuple((0, *range(first, first + 4)) for first in range(1, 21, 4))
"""The fingers of a hand of 21 points, from the wrist."""


def drawn_bones(layout: KeypointFormat) -> tuple[tuple[int, int], ...]:
    """Pairs of joints between which a line is drawn."""
    numbers = {joint: number for number, joint in enumerate(layout.joints)}
    chains = [
        *_CHAINS,
        *([f"face_{point}" for point in line] for line in _FACE),
        *([f"{side}_hand_{point}" for point in line] for side in _SIDES for line in _HAND),
    ]
    extra = (
        (numbers[a], numbers[b])
        for chain in chains
        for a, b in pairwise(chain)
        if a in numbers and b in numbers
    )
    return tuple(dict.fromkeys((*layout.bones, *extra)))
