"""Draw the figures of keypoint formats, skeletons and axes, as SVG.

    python docs/draw_figures.py            # into docs/figures
    python docs/draw_figures.py FOLDER

They follow from ``poselift/formats.py`` and ``poselift/skeletons.py`` alone. People are
not to scale: heads and feet are larger, so that their joints can be told from each other.
"""

import math
import sys
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path

from poselift.formats import FORMATS, KeypointFormat
from poselift.skeletons import SKELETONS, Skeleton
from poselift.video.drawn_bones import drawn_bones

COLOURS = {"left": "#0072b2", "right": "#d55e00", "": "#5f6570"}
PAPER, INK, LINE = "#fafafb", "#333842", "#c4c9d1"
FIGURES = Path(__file__).parent / "figures"

Place = tuple[float, float]
Bones = Sequence[tuple[int, int]]

_MIDDLE = {
    "head": (0, 8),
    "nose": (0, 52),
    "upper_neck": (0, 88),
    "thorax": (0, 108),
    "chest": (0, 150),
    "spine": (0, 168),
    "hip": (0, 226),
    "pelvis": (0, 226),
}
_LEFT = {
    "eye_inner": (11, 36),
    "eye": (24, 24),
    "eye_outer": (38, 32),
    "ear": (50, 50),
    "mouth": (14, 78),
    "shoulder": (62, 110),
    "elbow": (90, 172),
    "wrist": (104, 232),
    "thumb": (90, 256),
    "index": (106, 268),
    "pinky": (124, 260),
    "hip": (32, 228),
    "knee": (38, 316),
    "ankle": (42, 398),
    "foot": (42, 398),
    "heel": (30, 422),
    "foot_index": (62, 430),
    "big_toe": (58, 430),
    "small_toe": (78, 420),
}
"""Where joints are on a person who faces the reader, x to the reader's right, y down."""
_NUMBERS = {
    "nose": (0, 16),
    "eye_inner": (0, 15),
    "eye": (0, -8),
    "thumb": (-8, 4),
    "index": (0, 16),
    "heel": (-8, 4),
    "big_toe": (0, 16),
    "foot_index": (0, 16),
}
"""How far the numbers of joints in a crowd are from them; x outwards."""
_NECK, _NECK_IN_THE_HEAD = (0, 108), (0, 76)
"""A detector's neck lies between the shoulders; Human3.6M's is its neck or nose."""
_BODY_WIDTH, _HEIGHT = 300, 470
_COLUMN, _ROW = 132, 17
_ROWS = 26
_HAND_SPREAD = (-62, -28, -6, 16, 38)
"""Degrees of the fingers of a hand, from thumb to little finger."""


def main() -> None:
    """The command."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FIGURES
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in figures().items():
        (folder / name).write_text(content, encoding="utf-8")


def figures() -> dict[str, str]:
    """Every figure by the name of its file."""
    found = {f"{name}.svg": format_figure(layout) for name, layout in FORMATS.items()}
    found |= {f"skeleton-{name}.svg": skeleton_figure(each) for name, each in SKELETONS.items()}
    return found | {"axes.svg": axes_figure()}


def format_figure(layout: KeypointFormat) -> str:
    """A person with the numbers of the joints of a format, and their names beside."""
    places = {
        number: place
        for number, joint in enumerate(layout.joints)
        if (place := _place(joint, layout.joints)) is not None
    }
    shown = _person(places, layout.joints, drawn_bones(layout)) + _names(layout.joints)
    width = _BODY_WIDTH + _COLUMN * math.ceil(_lines(layout.joints) / _ROWS)
    if any(joint.startswith("face_") for joint in layout.joints):
        shown += _face(layout, width) + _hand(layout, width)
        width += 250
    return _svg(width, _HEIGHT, f"The joints of {layout.name}", shown)


def skeleton_figure(skeleton: Skeleton) -> str:
    """The tree of joints that poses have, from the root outwards."""
    joints = skeleton.joints
    places = {number: _place(joint, joints) or (0, 0) for number, joint in enumerate(joints)}
    arrows = [
        part
        for parent, child in skeleton.bones
        for part in _arrow(places[parent], places[child], COLOURS[_side(joints[child])])
    ]
    root = places[skeleton.parents.index(-1)]
    ring = [_circle(root, 9, "none", INK)]
    shown = [*ring, *_person(places, joints, ()), *arrows, *_names(joints)]
    return _svg(_BODY_WIDTH + _COLUMN, _HEIGHT, f"The skeleton {skeleton.name}", shown)


def axes_figure() -> str:
    """The three choices of axes, seen from beside the camera."""
    shown: list[str] = []
    right, down, away = (46, 16), (0, 52), (40, -32)
    choices = {
        "camera": (("x", right), ("y", down), ("z", away)),
        "y_up": (("x", right), ("y", _negative(down)), ("z", _negative(away))),
        "z_up": (("x", right), ("y", away), ("z", _negative(down))),
    }
    told = {
        "camera": "x right, y down, z away",
        "y_up": "x right, y up, z to the camera",
        "z_up": "x right, y away, z up",
    }
    for number, (name, axes) in enumerate(choices.items()):
        middle = (130 + 230 * number, 108)
        for axis, way in axes:
            tip = _sum(middle, way)
            shown += _arrow(middle, tip, INK)
            x, y = _sum(middle, (way[0] * 1.3, way[1] * 1.3))
            shown.append(_text(x, y + 5, axis, 16, INK, "middle", bold=True))
        shown += _camera(_sum(middle, (-92, 62)))
        shown.append(_text(middle[0], 208, name, 15, INK, "middle", bold=True))
        shown.append(_text(middle[0], 228, told[name], 12, COLOURS[""], "middle"))
    return _svg(700, 246, "Axes of poses: camera, y_up and z_up", shown)


def _camera(place: Place) -> list[str]:
    """A camera that looks away from the reader, to the upper right."""
    x, y = place
    lens = [(x + 13, y - 4), (x + 25, y - 20), (x + 30, y - 2), (x + 16, y + 6)]
    points = " ".join(f"{_number(a)},{_number(b)}" for a, b in lens)
    body = f'<rect x="{_number(x - 16)}" y="{_number(y - 6)}" width="30" height="20" rx="4" '
    return [f'{body}fill="{COLOURS[""]}"/>', f'<polygon points="{points}" fill="{COLOURS[""]}"/>']


def _place(joint: str, joints: Sequence[str]) -> Place | None:
    """Where a joint is in the figure; None of faces and hands, which have figures of their own."""
    if joint == "neck":
        x, y = _NECK_IN_THE_HEAD if "thorax" in joints else _NECK
    elif joint in _MIDDLE:
        x, y = _MIDDLE[joint]
    else:
        side, _, part = joint.partition("_")
        if part not in _LEFT:
            return None
        x, y = _LEFT[part]
        x = x if side == "left" else -x
    return _BODY_WIDTH / 2 + x, 20 + y


def _person(places: dict[int, Place], joints: Sequence[str], bones: Bones) -> list[str]:
    lines = [_line(places[a], places[b], LINE, 3) for a, b in bones if a in places and b in places]
    return lines + [
        part for number, place in places.items() for part in _joint(place, number, joints[number])
    ]


def _joint(place: Place, number: int, joint: str) -> list[str]:
    """A dot with its number beside it: outwards, unless others are there."""
    side = _side(joint)
    part = joint.removeprefix(f"{side}_")
    across, down = _NUMBERS.get(part, (8, 4) if side else (9, -6))
    across = -across if side == "right" else across
    anchor = "middle" if across == 0 else "end" if across < 0 else "start"
    text = _text(place[0] + across, place[1] + down, str(number), 11, COLOURS[side], anchor)
    return [_circle(place, 4.2, COLOURS[side]), text]


def _names(joints: Sequence[str]) -> list[str]:
    """The joints by number, those of faces and hands in one line each."""
    lines = []
    for row, (first, last) in enumerate(_runs(joints)):
        column, place = divmod(row, _ROWS)
        x, y = _BODY_WIDTH + 6 + _COLUMN * column, 22 + _ROW * place
        numbers = str(first) if first == last else f"{first}–{last}"
        name = joints[first] if first == last else joints[first].rpartition("_")[0]
        colour = COLOURS[_side(name)]
        lines.append(_text(x + (22 if first == last else 44), y, numbers, 11, colour, "end"))
        lines.append(_text(x + (28 if first == last else 50), y, name, 11, INK))
    return lines


def _runs(joints: Sequence[str]) -> Iterable[tuple[int, int]]:
    """The first and last number of each joint by itself, and of each face and hand."""
    for _, run in groupby(enumerate(joints), key=_group):
        numbers = [number for number, _ in run]
        yield numbers[0], numbers[-1]


def _group(numbered: tuple[int, str]) -> str:
    number, joint = numbered
    name, _, point = joint.rpartition("_")
    return name if point.isdecimal() else str(number)


def _lines(joints: Sequence[str]) -> int:
    return len(list(_runs(joints)))


def _face(layout: KeypointFormat, left: float) -> list[str]:
    middle = (left + 118, 92)
    places = [_sum(middle, place) for place in _face_places()]
    return _part(layout, places, "face", "face_0 … face_67", (left + 118, 252))


def _hand(layout: KeypointFormat, left: float) -> list[str]:
    wrist = (left + 118, 430)
    places: list[Place] = [wrist]
    for finger, degrees in enumerate(_HAND_SPREAD):
        for knuckle in range(4):
            length = (30, 52, 70, 86)[knuckle] if finger == 0 else (62, 88, 108, 124)[knuckle]
            turn = math.radians(degrees)
            places.append(_sum(wrist, (length * math.sin(turn), -length * math.cos(turn))))
    name = "left_hand_0 … left_hand_20; right_hand alike"
    return _part(layout, places, "left_hand", name, (left + 118, 458))


def _part(
    layout: KeypointFormat, places: Sequence[Place], prefix: str, title: str, below: Place
) -> list[str]:
    """A face or a hand with the points' own numbers."""
    first = layout.joints.index(f"{prefix}_0")
    numbers = range(first, first + len(places))
    lines = [
        _line(places[a - first], places[b - first], LINE, 1.5)
        for a, b in drawn_bones(layout)
        if a in numbers and b in numbers
    ]
    colour = COLOURS[_side(prefix)]
    dots = [_circle(place, 2, colour) for place in places]
    texts = [_text(x + 3, y - 2, str(n), 7, colour) for n, (x, y) in enumerate(places)]
    return [*lines, *dots, *texts, _text(*below, title, 11, INK, "middle")]


def _face_places() -> list[Place]:
    """The 68 points of a face, about its middle."""
    jaw = [
        (-100 * math.cos(math.pi * n / 16), 20 + 115 * math.sin(math.pi * n / 16))
        for n in range(17)
    ]
    brow = [(18 + 15 * n, -26 - 10 * math.sin(math.pi * (n + 1) / 6)) for n in range(5)]
    brows = [(-x, y) for x, y in reversed(brow)] + brow
    nose: list[Place] = [(0, -4 + 14 * n) for n in range(4)]
    nose += [(9 * n, 52 - abs(n) * 2) for n in range(-2, 3)]
    eye = [(-19, 0), (-7, -8), (7, -8), (19, 0), (7, 7), (-7, 7)]
    eyes = [_sum((side, 2), corner) for side in (-48, 48) for corner in eye]
    return [*jaw, *brows, *nose, *eyes, *_oval(12, 46, 26), *_oval(8, 30, 10)]


def _oval(points: int, wide: float, high: float) -> list[Place]:
    """Points around a mouth, from its corner at the reader's left over the top."""
    turns = [math.pi - 2 * math.pi * n / points for n in range(points)]
    return [(wide * math.cos(turn), 92 - high * math.sin(turn)) for turn in turns]


def _side(name: str) -> str:
    side = name.partition("_")[0]
    return side if side in COLOURS else ""


def _sum(one: Place, other: Place) -> Place:
    return one[0] + other[0], one[1] + other[1]


def _negative(place: Place) -> Place:
    return -place[0], -place[1]


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _line(start: Place, end: Place, colour: str, width: float) -> str:
    ends = " ".join(
        f'{name}="{_number(value)}"'
        for name, value in zip(("x1", "y1", "x2", "y2"), (*start, *end), strict=True)
    )
    return f'<line {ends} stroke="{colour}" stroke-width="{_number(width)}"/>'


def _arrow(start: Place, end: Place, colour: str) -> list[str]:
    """A line with a tip at its end."""
    way = end[0] - start[0], end[1] - start[1]
    along = way[0] / math.hypot(*way), way[1] / math.hypot(*way)
    across = -along[1] * 4.5, along[0] * 4.5
    foot = _sum(end, (-10 * along[0], -10 * along[1]))
    corners = (end, _sum(foot, across), _sum(foot, _negative(across)))
    points = " ".join(f"{_number(x)},{_number(y)}" for x, y in corners)
    return [_line(start, foot, colour, 2.5), f'<polygon points="{points}" fill="{colour}"/>']


def _circle(place: Place, radius: float, fill: str, edge: str = "") -> str:
    x, y = map(_number, place)
    stroke = f' stroke="{edge}"' if edge else ""
    return f'<circle cx="{x}" cy="{y}" r="{_number(radius)}" fill="{fill}"{stroke}/>'


def _text(
    x: float,
    y: float,
    text: str,
    size: float,
    colour: str,
    anchor: str = "start",
    *,
    bold: bool = False,
) -> str:
    place = f'x="{_number(x)}" y="{_number(y)}" font-size="{_number(size)}"'
    weight = ' font-weight="bold"' if bold else ""
    aligned = "" if anchor == "start" else f' text-anchor="{anchor}"'
    return f'<text {place} fill="{colour}"{aligned}{weight}>{text}</text>'


def _svg(width: float, height: float, title: str, shown: Iterable[str]) -> str:
    size = f'width="{_number(width)}" height="{_number(height)}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} viewBox="0 0 {width:g} {height:g}" '
        'font-family="sans-serif" role="img">',
        f"<title>{title}</title>",
        f'<rect {size} rx="8" fill="{PAPER}"/>',
        *shown,
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
