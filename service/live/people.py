"""Who is in a session: its tracks, admitted, associated and let go of."""

import numpy as np
from numpy.typing import NDArray

from poselift.errors import InvalidInput
from poselift.formats import FORMATS
from poselift.imputation import Quality
from service.live.association import Associator
from service.live.frames import MOST_PEOPLE, Frame, PersonError
from service.live.records import RecordedFrame
from service.live.tracks import Track, Tracks
from service.request_errors import Overloaded


class People:
    """The tracks of one session.

    Args:
        tracks: where there is room for them.
        keypoint_format: of the session's keypoints.
        associator: gives people without track ids theirs, if the session was opened so.
    """

    def __init__(self, tracks: Tracks, keypoint_format: str, associator: Associator | None) -> None:
        self._room = tracks
        self._joints = len(FORMATS[keypoint_format].joints)
        self._associator = associator
        self._tracks: dict[str, Track] = {}

    def admit_people(self, frame: Frame) -> Frame:
        """The frame with its people associated; those for whom there is no room are errors."""
        people = frame.people if self._associator is None else self._associator.identify(frame)
        admitted, errors = [], list(frame.errors)
        for person in people:
            try:
                self.begin(person.track_id)
                admitted.append(person)
            except (Overloaded, InvalidInput) as error:
                errors.append(PersonError(person.track_id, error))
        return Frame(frame.index, tuple(admitted), tuple(errors))

    def begin(self, track_id: str) -> Track:
        """The track of this id, begun if there is none.

        Raises:
            InvalidInput: the id is empty.
            Overloaded: there is no room.
        """
        if not track_id:
            raise InvalidInput.at(
                "track_id", "a name, unless the session was opened with associate"
            )
        if track_id not in self._tracks:
            if len(self._tracks) >= MOST_PEOPLE:
                raise Overloaded(f"{MOST_PEOPLE} people are in this session, which is the most")
            self._tracks[track_id] = self._room.begin()
        return self._tracks[track_id]

    def tracks(self) -> dict[str, Track]:
        """The tracks by id: those in the last frame, and those seen a moment ago."""
        return dict(self._tracks)

    def keypoints(self, frame: Frame) -> NDArray[np.float32]:
        """Keypoints (P, J, 3) of all tracks in order; those not in the frame are missing."""
        people = {person.track_id: person.keypoints_J3 for person in frame.people}
        keypoints_PJ3 = np.zeros((len(self._tracks), self._joints, 3), np.float32)
        for row, track_id in enumerate(self._tracks):
            if track_id in people:
                keypoints_PJ3[row] = people[track_id]
        return keypoints_PJ3

    def remember(self, recorded: RecordedFrame) -> None:
        """Take in where everyone was found, and end tracks that were gone for too long."""
        if self._associator is not None:
            self._associator.remember(recorded)
        for person in np.flatnonzero(recorded.quality_P == Quality.UNKNOWN):
            if (track := self._tracks.pop(recorded.track_ids[person], None)) is not None:
                self._room.end(track)

    def restore(self, recorded: RecordedFrame) -> None:
        """Go on associating from a frame of the store."""
        if self._associator is not None:
            self._associator.remember(recorded)

    def end(self) -> None:
        """End all tracks."""
        for track in self._tracks.values():
            self._room.end(track)
        self._tracks.clear()
