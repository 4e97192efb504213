"""SLEAP's analysis exports, HDF5 and CSV, of people: its users name the joints."""

from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from poselift.errors import InvalidInput
from poselift.readers.detections import Detections, Rows
from poselift.readers.hdf5 import dataset, opened, root_names, texts
from poselift.readers.joint_labels import labelled
from poselift.readers.keypoint_table import sniffed_table
from poselift.readers.landmark_rows import LandmarkRow, landmark_detections, unused_notes
from poselift.readers.reader import Reader
from poselift.readers.source import Source
from poselift.readers.tables import Table, table_rows

_COLUMNS: Final = {"frame_idx", "instance.score"}
_DATASETS: Final = {"tracks", "node_names"}
_EXPECTED: Final = "(tracks, 2, nodes, frames), as SLEAP's analysis export has it"


def _sniff(source: Source) -> bool:
    names = root_names(source)
    if names is not None:
        return names >= _DATASETS
    table = sniffed_table(source)
    return table is not None and set(table.header) >= _COLUMNS


def _read(source: Source) -> Detections:
    return _read_table(source) if source.suffix == ".csv" else _read_hdf5(source)


def _read_table(source: Source) -> Detections:
    rows = [
        LandmarkRow(row.frame, row.joints, row.where, row.track)
        for row in table_rows(Table.of(source.read_text(), source.name))
    ]
    found = landmark_detections(rows, source.name, {})
    return replace(found, coordinates="pixels")


def _read_hdf5(source: Source) -> Detections:
    name = source.name
    with opened(source) as file:
        labels = texts(dataset(file, "node_names", name), f"{name}, node_names")
        tracks = dataset(file, "tracks", name)
        people = "track_names" in file and texts(dataset(file, "track_names", name), name)
        scores = dataset(file, "point_scores", name) if "point_scores" in file else None
    keypoints = _keypoints(tracks, scores, len(labels), f"{name}, tracks")
    matched = labelled(labels, f"{name}, node_names")
    rows = Rows()
    for person, frame in np.argwhere(np.isfinite(keypoints).any(axis=(2, 3))).tolist():
        who = people[person] if people and len(people) == len(keypoints) else None
        given = matched.arranged(np.nan_to_num(keypoints[person, frame]))
        rows.add(frame, given, f"{name}, tracks[{person}], frame {frame}", who)
    found = rows.detections(matched.keypoint_format, name=name)
    return replace(found, notes=unused_notes(matched))


def _keypoints(
    tracks: NDArray[Any], scores: NDArray[Any] | None, nodes: int, where: str
) -> NDArray[Any]:
    """(tracks, frames, nodes, 3): x, y and score, NaN where missing."""
    if tracks.ndim != 4 or tracks.shape[1:3] != (2, nodes):
        raise InvalidInput.at(where, f"{_EXPECTED}; found {tracks.shape} with {nodes} nodes")
    if tracks.dtype.kind not in "fiu":
        raise InvalidInput.at(where, f"numbers, found {tracks.dtype}")
    places = tracks.transpose(0, 3, 2, 1)
    is_there = np.isfinite(places).all(axis=-1)
    shape = (len(tracks), nodes, tracks.shape[3])
    if scores is not None and scores.shape == shape and scores.dtype.kind == "f":
        given = np.where(np.isfinite(scores), scores, 1).transpose(0, 2, 1)
    else:
        given = np.ones(is_there.shape)
    given = np.where(is_there, given, np.nan)
    return np.concatenate([np.where(is_there[..., None], places, np.nan), given[..., None]], -1)


SLEAP = Reader(
    "sleap",
    "SLEAP's analysis files in HDF5 or CSV, joints by their names",
    "HDF5 with tracks and node_names; CSV with frame_idx and instance.score",
    _sniff,
    _read,
)
