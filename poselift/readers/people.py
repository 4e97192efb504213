"""Who is who: the rows of a file grouped into people.

Ids of the file decide. A row without one goes on as the person whom it continues by motion, as in
live sessions; where that person gets an id in a later frame, the earlier rows have it too.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from poselift.array_types import Floats, Mask
from poselift.association import Associator
from poselift.errors import InvalidInput
from poselift.formats import FORMATS
from poselift.imputation import MIN_SCORE, Imputation, ImputationState, gap_ticks, measured_joints
from poselift.readers.detections import Detections

MOST_PEOPLE: Final = 500
"""In a frame, and remembered, where some have no ids: every person is compared with every track."""
PATIENCE_S: Final = 1.0
"""After how long without a detection a person without an id has left."""
_USUAL_FPS: Final = 30.0
_NO_TRACK: Final = ""

RowNumbers = NDArray[np.intp]


def group_people(detections: Detections, keypoint_format: str) -> dict[str, RowNumbers]:
    """The rows of each person in order of their frames, people in order of their first row.

    Raises:
        InvalidInput: a person is in a frame twice, or too many people without ids are in one.
    """
    in_order = np.argsort(detections.frames_N, kind="stable")
    if None in detections.person_ids:
        names = _associated(detections, keypoint_format, in_order)
    else:
        names = [str(each) for each in detections.person_ids]
    people: dict[str, list[int]] = {name: [] for name in dict.fromkeys(names)}
    for row in in_order.tolist():
        people[names[row]].append(row)
    grouped = {name: np.array(rows, np.intp) for name, rows in people.items()}
    for name, rows in grouped.items():
        _refuse_twice(detections, name, rows)
    return grouped


def _refuse_twice(detections: Detections, name: str, rows: RowNumbers) -> None:
    twice = np.flatnonzero(np.diff(detections.frames_N[rows]) == 0)
    if len(twice):
        first, second = (detections.where[row] for row in rows[twice[0] : twice[0] + 2])
        frame = detections.frames_N[rows[twice[0]]]
        raise InvalidInput.at(
            first, f"person {name!r} once in frame {frame}, found again in {second}"
        )


def _associated(detections: Detections, keypoint_format: str, in_order: RowNumbers) -> list[str]:
    """The name of each row's person, where some rows have no id."""
    tracker = _Tracker(keypoint_format, detections)
    tracks = [_NO_TRACK] * len(detections)
    frames_N = detections.frames_N[in_order]
    starts = np.flatnonzero(np.diff(frames_N, prepend=frames_N[0] - 1))
    for rows in np.split(in_order, starts[1:]):
        for row, track in zip(rows.tolist(), tracker.follow(rows), strict=True):
            tracks[row] = track
    return _named(tracks, tracker.ids, detections.person_ids)


def _named(
    tracks: Sequence[str], ids: dict[str, str], person_ids: Sequence[str | None]
) -> list[str]:
    """The tracks under the ids of their people; those without one are counted."""
    taken = {each for each in person_ids if each is not None}
    numbers = (
        name
        for number in range(len(tracks) + len(taken) + 1)
        if (name := f"person-{number}") not in taken
    )
    names = {
        track: ids[track] if track in ids else next(numbers) for track in dict.fromkeys(tracks)
    }
    return [names[track] for track in tracks]


class _Tracker:
    """Follows people from frame to frame. Tracks are named by numbers; ``ids`` has their ids."""

    def __init__(self, keypoint_format: str, detections: Detections) -> None:
        joints = FORMATS[keypoint_format].joints
        fps = detections.fps or _USUAL_FPS
        self._detections = detections
        self._associator = Associator(keypoint_format, keypoint_format, MIN_SCORE)
        self._patience = gap_ticks(PATIENCE_S, fps)
        self._imputation = Imputation(joints, np.ones(len(joints), np.bool_), self._patience)
        self._states: dict[str, ImputationState] = {}
        self._joints = len(joints)
        self._frame: int | None = None
        self._begun = 0
        self._by_id: dict[str, str] = {}
        self.ids: dict[str, str] = {}

    def follow(self, rows: RowNumbers) -> list[str]:
        """The tracks that the rows of the next frame go on as."""
        frame = int(self._detections.frames_N[rows[0]])
        self._pass_time(frame)
        ids = [self._detections.person_ids[row] for row in rows.tolist()]
        if max(len(ids), len(self._states)) > MOST_PEOPLE:
            where = self._detections.where[rows[0]]
            expected = f"{MOST_PEOPLE} people within {PATIENCE_S:g} s at most, without ids"
            raise InvalidInput.at(where, expected)
        keypoints_PJ3 = self._detections.keypoints_NJ3[rows]
        tracks = self._tracks_of(ids, keypoints_PJ3)
        self._step(tracks, keypoints_PJ3)
        return tracks

    def _tracks_of(self, ids: Sequence[str | None], keypoints_PJ3: Floats) -> list[str]:
        known = [self._by_id.get(each or _NO_TRACK, _NO_TRACK) for each in ids]
        open_ = [person for person, track in enumerate(known) if not track]
        allowed_PT = self._allowed([ids[person] for person in open_], set(known))
        found = self._associator.assign(keypoints_PJ3[open_], allowed_PT) if open_ else {}
        for place, person in enumerate(open_):
            known[person] = found.get(place) or self._begin()
            self._give_id(known[person], ids[person])
        return known

    def _allowed(self, ids: Sequence[str | None], claimed: set[str]) -> Mask:
        """Who may go on as which track: none as one claimed by an id, new ids as none with one."""
        tracks = self._associator.track_ids
        is_free_T = np.array([track not in claimed for track in tracks], np.bool_)
        has_none_T = np.array([track not in self.ids for track in tracks], np.bool_)
        is_new_P = np.array([each is not None for each in ids], np.bool_)
        allowed_PT: Mask = is_free_T & (has_none_T | ~is_new_P[:, None])
        return allowed_PT

    def _give_id(self, track: str, person_id: str | None) -> None:
        if person_id is not None:
            self.ids[track] = person_id
            self._by_id[person_id] = track

    def _begin(self) -> str:
        self._begun += 1
        return str(self._begun)

    def _pass_time(self, frame: int) -> None:
        """Let tracks move on through frames without anyone."""
        for _ in self._empty_frames(frame):
            self._step([], np.zeros((0, self._joints, 3), np.float32))
        self._frame = frame

    def _empty_frames(self, frame: int) -> Iterator[int]:
        if self._frame is None:
            return iter(())
        return iter(range(min(frame - self._frame - 1, self._patience + 1)))

    def _step(self, tracks: Sequence[str], keypoints_PJ3: Floats) -> None:
        """Remember where everyone is after a frame, and forget who has been gone for too long."""
        names = list(dict.fromkeys([*self._states, *tracks]))
        if not names:
            return
        all_PJ3 = np.zeros((len(names), self._joints, 3), np.float32)
        places = {name: place for place, name in enumerate(names)}
        all_PJ3[[places[track] for track in tracks]] = keypoints_PJ3
        measured_PJ = measured_joints(all_PJ3, MIN_SCORE)
        blank = ImputationState.blank(1, self._joints)
        before = ImputationState.joined([self._states.get(name, blank) for name in names])
        ticks_P1 = np.ones((len(names), 1), np.int64)
        _, after = self._imputation.fill_next(
            all_PJ3[:, None, :, :2], measured_PJ[:, None], ticks_P1, before
        )
        kept = np.flatnonzero((after.empty_B <= self._patience) & after.seen_BJ.any(axis=1))
        self._states = {names[row]: after.of(slice(row, row + 1)) for row in kept.tolist()}
        self._associator.remember(
            list(self._states),
            after.keypoints_BJ2[kept].astype(np.float64),
            after.seen_BJ[kept],
            measured_PJ[kept],
        )
