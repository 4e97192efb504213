"""Who goes on as which track, whatever a detector gives."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from poselift.imputation import ImputationState, Quality, measured_joints
from service.live.association import FrameAssociator
from service.live.frames import Frame, Person
from service.live.records import RecordedFrame
from tests.models import person_clip

Floats = NDArray[np.float32]


class Session:
    """An associator shown one frame after the other, every person seen a moment ago included."""

    def __init__(self) -> None:
        self.associator = FrameAssociator("coco17", "coco17", 0.05)
        self.last: dict[str, Floats] = {}
        self.index = 0

    def see(self, *people: Floats) -> list[str]:
        frame = Frame(self.index, tuple(Person("", keypoints) for keypoints in people))
        identified = self.associator.identify(frame)
        self.index += 1
        self.remember({person.track_id: person.keypoints_J3 for person in identified})
        return [person.track_id for person in identified]

    def remember(self, found: dict[str, Floats]) -> None:
        names = tuple(self.last | found)
        held = {name: keypoints * [1, 1, 0] for name, keypoints in self.last.items()}
        now_PJ3 = np.array([(held | found)[name] for name in names]).reshape(-1, 17, 3)
        self.last |= found
        seen_PJ = np.array([self.last[name][:, 2] > 0 for name in names]).reshape(-1, 17)
        quality_P = np.where(seen_PJ.any(axis=1), Quality.FILLED, Quality.UNKNOWN).astype(np.uint8)
        places_PJ2 = now_PJ3[..., :2].astype(np.float32)
        state = ImputationState(places_PJ2, seen_PJ, np.zeros(len(names), np.int64))
        measured_PJ = measured_joints(now_PJ3.astype(np.float32), 0.05)
        no_people = RecordedFrame.empty(self.index, 17)
        people = {"track_ids": names, "quality_P": quality_P, "measured_PJ": measured_PJ}
        self.associator.remember(replace(no_people, **people, state=state))


def at(x: float, index: int = 0) -> Floats:
    keypoints = person_clip(60)[index]
    keypoints[:, 0] += x
    return keypoints


def test_everyone_goes_on_in_any_order() -> None:
    session = Session()
    assert session.see(at(0), at(300), at(600)) == ["0-0", "0-1", "0-2"]
    assert session.see(at(603), at(2), at(297)) == ["0-2", "0-0", "0-1"]
    assert session.see(at(294), at(606)) == ["0-1", "0-2"]


def test_frames_without_people_and_people_without_tracks() -> None:
    session = Session()
    assert session.see() == []
    assert session.see(at(0)) == ["1-0"]
    assert session.see() == []
    # More people than tracks, and one far from all.
    assert session.see(at(900), at(1), at(-800)) == ["3-0", "1-0", "3-1"]


def test_people_walk_on_while_they_are_missed() -> None:
    session = Session()
    for index in range(10):
        session.see(at(40 * index, index))
    for _ in range(4):
        session.see()
    assert session.see(at(40 * 14, 14)) == ["0-0"]


@pytest.mark.parametrize("keypoints", [np.zeros((17, 3), np.float32), at(0) * [1, 1, 0.0]])
def test_a_person_without_joints_is_like_no_track(keypoints: Floats) -> None:
    session = Session()
    assert session.see(at(0), keypoints) == ["0-0", "0-1"]
    assert session.see(keypoints, at(0)) == ["1-0", "0-0"]


def test_the_few_joints_seen_decide() -> None:
    session = Session()
    legs, arms = at(0), at(0)
    legs[:11, 2] = 0
    arms[11:, 2] = 0
    assert session.see(legs, at(500)) == ["0-0", "0-1"]
    assert session.see(arms, legs, at(500)) == ["1-0", "0-0", "0-1"]


@pytest.mark.parametrize("far", [3e38, -3e38, 1e20])
def test_wild_numbers_disturb_no_one_else(far: Any) -> None:
    session = Session()
    wild = at(0)
    wild[::2, 0], wild[1::2, 1] = far, -far
    assert session.see(at(0), wild, at(300)) == ["0-0", "0-1", "0-2"]
    assert session.see(wild, at(302), at(1))[1:] == ["0-2", "0-0"]
    assert session.see(at(304), at(2)) == ["0-2", "0-0"]
