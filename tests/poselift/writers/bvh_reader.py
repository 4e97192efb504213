"""A reader of BVH files and their forward kinematics, which knows nothing of the writer."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation


@dataclass
class Node:
    name: str
    offset: np.ndarray = field(default_factory=lambda: np.zeros(3))
    channels: list[str] = field(default_factory=list)
    children: list["Node"] = field(default_factory=list)


@dataclass
class Bvh:
    root: Node
    frame_time: float
    rows: np.ndarray

    def names(self) -> list[str]:
        return [node.name for node in _flat(self.root)]

    def rest(self) -> dict[str, np.ndarray]:
        """Where the joints of the rest pose are."""
        places = {}

        def go(node: Node, at: np.ndarray) -> None:
            places[node.name] = at + node.offset
            for child in node.children:
                go(child, places[node.name])

        go(self.root, np.zeros(3))
        return places

    def positions(self) -> dict[str, np.ndarray]:
        """Where the joints are in each frame (T, 3)."""
        places: dict[str, np.ndarray] = {}
        columns = iter(self.rows.T)

        def go(node: Node, at: np.ndarray, turned: Rotation) -> None:
            values = {name: next(columns) for name in node.channels}
            moved = [values.get(f"{axis}position", np.zeros(len(self.rows))) for axis in "XYZ"]
            here = at + turned.apply(node.offset + np.stack(moved, axis=1))
            order = "".join(name[0] for name in node.channels if name.endswith("rotation"))
            if order:
                angles = np.stack([values[f"{axis}rotation"] for axis in order], axis=1)
                turned = turned * Rotation.from_euler(order, angles, degrees=True)
            places[node.name] = here
            for child in node.children:
                go(child, here, turned)

        start = np.zeros((len(self.rows), 3))
        go(self.root, start, Rotation.identity(len(self.rows)))
        assert next(columns, None) is None
        return places


def read_bvh(path: Path) -> Bvh:
    lines = iter(line.split() for line in path.read_text().splitlines())
    assert next(lines) == ["HIERARCHY"]
    root = _node(next(lines), lines)
    assert next(lines) == ["MOTION"]
    frames = int(next(lines)[1])
    frame_time = float(next(lines)[2])
    rows = np.array([[float(each) for each in line] for line in lines])
    assert len(rows) == frames
    return Bvh(root, frame_time, rows)


def _node(words, lines) -> Node:
    node = Node(" ".join(words[1:]))
    assert next(lines) == ["{"]
    for line in lines:
        match line:
            case ["OFFSET", *numbers]:
                node.offset = np.array([float(each) for each in numbers])
            case ["CHANNELS", count, *names]:
                assert int(count) == len(names)
                node.channels = names
            case ["}"]:
                return node
            case ["End", "Site"]:
                node.children.append(_node(["End", f"{node.name} end"], lines))
            case _:
                node.children.append(_node(line, lines))
    raise AssertionError("the hierarchy is not closed")


def _flat(node: Node) -> list[Node]:
    return [node, *(each for child in node.children for each in _flat(child))]
