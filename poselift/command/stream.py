"""``poselift stream``: a file through a live session, as a camera would send it."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from cyclopts import Parameter
from cyclopts.validators import Number

from poselift.array_types import Floats
from poselift.command.options import Lifting, Reading, Server
from poselift.command.usage import UsageError
from poselift.errors import InvalidInput
from poselift.imputation import QUALITY, Quality
from poselift.readers.clips import Clips

_OF_CLIPS = ("constant_bone_lengths", "ground_contact", "flip_augmentation")
_FPS = 50.0
_DECIMALS = 5


def stream(
    source: Path,
    /,
    *,
    reading: Reading | None = None,
    lifting: Lifting | None = None,
    server: Server | None = None,
    lookahead_frames: Annotated[int, Parameter(validator=Number(gte=0))] = 0,
    speed: Annotated[float, Parameter(validator=Number(gte=0))] = 1.0,
) -> int:
    """Send a file to a live session in real time and write a JSON object a line for each frame.

    Args:
        source: a file or folder of one video.
        reading: how it is read.
        lifting: how it is lifted.
        server: where; needed.
        lookahead_frames: answers come so many frames later, by a better model.
        speed: 2 for twice as fast; 0 for as fast as the server answers.
    """
    how, what, where = reading or Reading(), lifting or Lifting(), server or Server()
    how.check()
    if where.server is None:
        raise UsageError.at("--server", "the URL of a running service")
    clips = how.read(source)
    options = _options(what, clips) | {"lookahead_frames": lookahead_frames}
    step_s = 1 / (options["fps"] * speed) if speed else 0.0
    first = min(clip.first_frame for clip in clips)
    with where.client() as client, client.stream(**options) as session:
        begun = time.monotonic()
        for index, people in enumerate(_frames(clips)):
            time.sleep(max(0.0, begun + index * step_s - time.monotonic()))
            answer = session.push(people)
            if answer is not None:
                _tell(answer, first)
        for answer in session.close():
            _tell(answer, first)
    return 0


def _options(lifting: Lifting, clips: Clips) -> dict[str, Any]:
    options = lifting.of(clips)
    for name in _OF_CLIPS:
        if options.pop(name, False):
            raise InvalidInput.at(name, "none, which live sessions do not have")
    own = {"image_size": clips.image_size, "fps": clips.fps or _FPS}
    formats = {"keypoint_format": clips.keypoint_format, "coordinates": clips.coordinates}
    return {**own, **formats, **options}


def _frames(clips: Clips) -> Iterator[dict[str, Floats]]:
    """The people in each frame by id, from the first frame with a person to the last."""
    first = min(clip.first_frame for clip in clips)
    last = max(int(clip.frames_N[-1]) for clip in clips)
    for frame in range(first, last + 1):
        people = {}
        for clip in clips:
            place = int(np.searchsorted(clip.frames_N, frame))
            if place < len(clip.frames_N) and clip.frames_N[place] == frame:
                people[clip.id] = clip.detected_NJ3[place]
        yield people


def _tell(answer: Any, first: int) -> None:  # noqa: ANN401 - FramePoses, of an extra's packages
    poses = answer.poses
    people = []
    for number, track_id in enumerate(answer.track_ids):
        is_known = poses.quality[number] != Quality.UNKNOWN
        person = {"track_id": track_id, "quality": QUALITY[poses.quality[number]]}
        person["pose"] = _rounded(poses.poses[number]) if is_known else None
        if poses.trajectory is not None and is_known:
            person["trajectory"] = _rounded(poses.trajectory[number])
        people.append(person)
    fields = {"index": answer.index, "frame": first + answer.index, "people": people}
    print(json.dumps(fields), flush=True)  # noqa: T201


def _rounded(values: Floats) -> Any:  # noqa: ANN401 - nested lists
    return np.round(values.astype(np.float64), _DECIMALS).tolist()
