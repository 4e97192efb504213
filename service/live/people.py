"""Who is in a session: its tracks, admitted and let go of."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from poselift.array_types import Floats, Qualities
from poselift.codec import Codec
from poselift.errors import InvalidInput
from poselift.formats import FORMATS
from poselift.imputation import Quality
from service.live.frames import MOST_PEOPLE, Frame, PersonError
from service.live.tracks import Track, Tracks
from service.request_errors import Overloaded
from service.shares import Party


class AdmittedFrame(NamedTuple):
    """A frame and the P tracks of its session: who is in it, and who was there a moment ago."""

    frame: Frame
    tracks: dict[str, Track]
    keypoints: list[Floats]
    """Of all tracks in order (J, 3), as sent; those not in the frame are missing."""
    sources: list[int]
    """Their places in the people that were sent; -1 for those who were not."""


class People:
    """The tracks of one session."""

    def __init__(self, tracks: Tracks, codec: Codec, party: Party) -> None:
        self._room = tracks
        self._party = party
        self._codec = codec
        joints = len(FORMATS[codec.check.keypoint_format].joints)
        self._missing_J3 = np.zeros((joints, 3), np.float32)
        self._tracks: dict[str, Track] = {}

    @property
    def count(self) -> int:
        """How many tracks there are."""
        return len(self._tracks)

    def admit_people(self, frame: Frame) -> AdmittedFrame:
        """The frame with those of its people that there is room for; the others are errors.

        So are new ones whose keypoints are no pixels of a person.
        """
        if all(person.track_id in self._tracks for person in frame.people):
            return self._in_order(frame)
        admitted, errors = [], list(frame.errors)
        for person in frame.people:
            try:
                if person.track_id not in self._tracks:
                    where = f"people[{person.source}].keypoints"
                    pixels_1J3 = self._codec.to_pixels(person.keypoints_J3[None])
                    self._codec.check.refuse_wrong(pixels_1J3, where)
                self.begin(person.track_id)
                admitted.append(person)
            except (Overloaded, InvalidInput) as error:
                errors.append(PersonError(person.track_id, error, person.source))
        taken = Frame(frame.index, tuple(admitted), tuple(errors), frame.timestamp_s)
        return self._in_order(taken)

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
                said = f"{MOST_PEOPLE} people are in this session, which is the most"
                raise Overloaded(said, reason="people")
            self._tracks[track_id] = self._room.begin(self._party)
        return self._tracks[track_id]

    def _in_order(self, frame: Frame) -> AdmittedFrame:
        """A frame as all tracks see it."""
        people = {person.track_id: person for person in frame.people}
        keypoints, sources = [], []
        for track_id in self._tracks:
            person = people.get(track_id)
            keypoints.append(self._missing_J3 if person is None else person.keypoints_J3)
            sources.append(-1 if person is None else person.source)
        return AdmittedFrame(frame, dict(self._tracks), keypoints, sources)

    def let_go(self, track_ids: Sequence[str], quality_P: Qualities) -> None:
        """End tracks that were missing for too long."""
        for track_id, quality in zip(track_ids, quality_P.tolist(), strict=True):
            if quality == Quality.UNKNOWN and track_id in self._tracks:
                self._room.end(self._tracks.pop(track_id))

    def end(self) -> None:
        """End all tracks."""
        for track in self._tracks.values():
            self._room.end(track)
        self._tracks.clear()
