"""A live session's frames on their way out, and their answers on their way in."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import numpy as np
from numpy.typing import ArrayLike

from poselift.array_types import Floats
from poselift.client.messages import (
    axes_of,
    codes_of,
    floats,
    one_frame,
    problem_of,
    qualities,
    skeleton_of,
    warning_of,
)
from poselift.errors import InvalidInput, PoseliftError
from poselift.poses import Poses

if TYPE_CHECKING:
    from poselift.v1 import poselift_pb2 as messages

_ONLY = "0"
"""The track of a person who is pushed without one."""

People: TypeAlias = Mapping[str, ArrayLike | None] | Sequence[ArrayLike | None] | ArrayLike | None
"""Who is in a frame: one person (J, 2 or 3); people by track id; a list of people for
``associate``; None where there is no person. A person who is None is not detected."""


@dataclass(frozen=True)
class FramePoses:
    """The answer to a frame: the poses of its P people.

    Those who were there a moment ago are among them for up to a quarter of a second.

    Attributes:
        index: the frame's number in the session.
        track_ids: who they are.
        poses: theirs, (P, K, 3) in metres, and the rest; zero where the quality is unknown.
        sources: for each the place in the people that were pushed; None if not among them.
        durable: whether the session store has the frame. If not, the store is away, the frame is in
            the server's memory, and the client keeps it until it is stored.
        problems: for each what was wrong with their keypoints, if anything.
    """

    index: int
    track_ids: tuple[str, ...]
    poses: Poses
    sources: tuple[int | None, ...] = ()
    durable: bool = True
    problems: tuple[PoseliftError | None, ...] = ()

    def of(self, track_id: str) -> Poses | None:
        """The poses (1, K, 3) of one person; None if not there."""
        if track_id not in self.track_ids:
            return None
        place = self.track_ids.index(track_id)
        return self.poses.rows([place])


def frame_message(
    index: int,
    people: People,
    timestamp_s: float | None,
    keypoint_format: str,
    associate: bool,
) -> bytes:
    """A ``LiftStreamRequest`` with a frame, serialised.

    Raises:
        InvalidInput: naming the person whose keypoints are none.
    """
    from poselift.v1 import poselift_pb2 as messages  # noqa: PLC0415 - an extra's

    frame = messages.Frame(index=index, timestamp_s=timestamp_s)
    for track_id, keypoints, where in _named(people, associate):
        keypoints_J3 = one_frame(keypoints, keypoint_format, where)
        frame.people.add(track_id=track_id, keypoints=keypoints_J3.ravel().tolist())
    return messages.LiftStreamRequest(frame=frame).SerializeToString()


def frame_poses(answer: "messages.FramePoses", opened: "messages.Opened") -> FramePoses:
    """An answer's arrays, in a session as it was opened."""
    people, joints = answer.people, len(opened.skeleton.joints)
    letters = [person.joint_quality for person in people]
    return FramePoses(
        answer.index,
        tuple(person.track_id for person in people),
        Poses(
            _stacked([floats(person.pose, 3) for person in people], joints, 3),
            _known([floats(person.trajectory) for person in people], 3),
            _known([floats(person.expected_errors) for person in people], joints),
            quality=qualities([person.quality for person in people]),
            joint_quality=codes_of(letters, max(map(len, letters))) if any(letters) else None,
            warnings=tuple(warning_of(each) for each in answer.warnings),
            axes=axes_of(opened.axes),
            skeleton=skeleton_of(opened.skeleton),
        ),
        tuple(person.source if person.HasField("source") else None for person in people),
        answer.durable if answer.HasField("durable") else True,
        tuple(
            problem_of(person.problem) if person.HasField("problem") else None for person in people
        ),
    )


def _named(people: People, associate: bool) -> Iterator[tuple[str, ArrayLike | None, str]]:
    """The people in a frame with their tracks and places."""
    if people is None:
        return
    if isinstance(people, Mapping):
        for track_id, keypoints in people.items():
            yield str(track_id), keypoints, f"people[{track_id!r}]"
    elif _is_one_person(people):
        yield "" if associate else _ONLY, cast("ArrayLike", people), "people"
    elif not associate:
        raise InvalidInput.at(
            "people", "one person (joints, 2 or 3), people by track id, or associate=True"
        )
    else:
        for number, keypoints in enumerate(cast("Sequence[ArrayLike | None]", people)):
            yield "", keypoints, f"people[{number}]"


def _is_one_person(people: Any) -> bool:  # noqa: ANN401 - whatever NumPy takes
    """Whether these are joints, which hold numbers, and not people, who hold joints."""
    if isinstance(people, np.ndarray):
        return people.ndim == 2
    if not isinstance(people, Sequence):
        return True
    inner = (each for part in people if part is not None for each in part)
    return bool(np.ndim(next((each for each in inner if each is not None), ())) == 0)


def _stacked(rows: Sequence[Floats], *shape: int) -> Floats:
    """Rows of one shape, zeros where a person has none."""
    blank = np.zeros((len(rows), *shape), np.float32)
    for place, row in enumerate(rows):
        if row.size:
            blank[place] = row
    return blank


def _known(rows: Sequence[Floats], *shape: int) -> Floats | None:
    """Rows of what a model may not estimate; None if it does so for no person."""
    return _stacked(rows, *shape) if any(row.size for row in rows) else None
