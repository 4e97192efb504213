"""Who is in a session: its tracks, admitted and let go of."""

import numpy as np

from poselift.array_types import Floats
from poselift.errors import InvalidInput
from poselift.formats import FORMATS
from poselift.imputation import Quality
from service.live.frames import MOST_PEOPLE, Frame, PersonError
from service.live.records import RecordedFrame
from service.live.tracks import Track, Tracks
from service.request_errors import Overloaded


class People:
    """The tracks of one session."""

    def __init__(self, tracks: Tracks, keypoint_format: str) -> None:
        self._room = tracks
        self._joints = len(FORMATS[keypoint_format].joints)
        self._tracks: dict[str, Track] = {}

    def admit_people(self, frame: Frame) -> Frame:
        """The frame; those of its people for whom there is no room are errors."""
        admitted, errors = [], list(frame.errors)
        for person in frame.people:
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

    def keypoints(self, frame: Frame) -> Floats:
        """Keypoints (P, J, 3) of all tracks in order; those not in the frame are missing."""
        people = {person.track_id: person.keypoints_J3 for person in frame.people}
        keypoints_PJ3 = np.zeros((len(self._tracks), self._joints, 3), np.float32)
        for row, track_id in enumerate(self._tracks):
            if track_id in people:
                keypoints_PJ3[row] = people[track_id]
        return keypoints_PJ3

    def let_go(self, recorded: RecordedFrame) -> None:
        """End tracks that were missing for too long."""
        for person in np.flatnonzero(recorded.quality_P == Quality.UNKNOWN):
            if (track := self._tracks.pop(recorded.track_ids[person], None)) is not None:
                self._room.end(track)

    def end(self) -> None:
        """End all tracks."""
        for track in self._tracks.values():
            self._room.end(track)
        self._tracks.clear()
