"""Track ids for the people of a live session whose detector does not track."""

from dataclasses import replace

import numpy as np

from poselift.association import Associator
from poselift.imputation import Quality
from service.live.frames import Frame, Person
from service.live.records import RecordedFrame


class FrameAssociator:
    """Gives the people of one session's frames track ids of their own making."""

    def __init__(self, source: str, target: str, min_score: float) -> None:
        self._associator = Associator(source, target, min_score)

    def identify(self, frame: Frame) -> list[Person]:
        """The frame's people with track ids; those given by the caller are not looked at."""
        people = [person.keypoints_J3 for person in frame.people]
        found = self._associator.assign(people)
        new = (f"{frame.index}-{number}" for number in range(len(people)))
        ids = (found.get(place) or next(new) for place in range(len(people)))
        return [
            replace(person, track_id=track_id)
            for person, track_id in zip(frame.people, ids, strict=True)
        ]

    def remember(self, recorded: RecordedFrame) -> None:
        """Take in where everyone was found, in a frame just stepped or one from the store."""
        known = np.flatnonzero(recorded.quality_P != Quality.UNKNOWN)
        self._associator.remember(
            [recorded.track_ids[row] for row in known],
            recorded.state.keypoints_BJ2[known].astype(np.float64),
            recorded.state.seen_BJ[known],
            recorded.measured_PJ[known],
        )
