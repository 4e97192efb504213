"""The people in a video, by a detector: ``poselift.detect``."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from poselift.errors import InvalidInput
from poselift.readers.clips import Clips, make_clips
from poselift.readers.detections import Detections, Rows
from poselift.video.decoding import Video, frame_rate, open_video
from poselift.video.detector_process import DetectedFrame, Detection, PictureStream
from poselift.video.detectors import (
    USUAL_DETECTOR,
    Detector,
    installed_detector,
    usual_folder,
)

MOST_LOOKED_FOR: Final = 50
"""People in a picture whom a detector may be asked to find."""
_BRIEF_S: Final = 0.5
Progress = Callable[[int, int | None], None]
"""Is told how many pictures are done, and of how many, if that is known."""


def detect(
    video: str | Path,
    *,
    detector: str = USUAL_DETECTOR,
    people: int | None = None,
    min_frames: int | None = None,
    progress: Progress | None = None,
    detectors_folder: str | Path | None = None,
) -> Clips:
    """Find the people in a video with an installed detector, one clip a person.

    >>> for clip in poselift.detect("walk.mp4"):  # doctest: +SKIP
    ...     poses = poselift.lift(clip.keypoints, **clip.options)

    Args:
        video: a file.
        detector: the name of one that ``poselift detectors`` lists as installed.
        people: how many to look for; as many as the detector usually does if left out.
        min_frames: people detected in fewer frames are left out; if left out itself, those seen for
            less than half a second, or a quarter of a short video.
        progress: is called after each picture with its count, and that of all if it is known.
        detectors_folder: where detectors are installed; in the user's data folder if left out.

    Raises:
        InvalidInput: it is no video, the detector is not installed, or no person is found.
        DetectorFailed: the detector ended early or wrote something else than it should.
        MissingPackage: the extra ``poselift[video]`` is not installed.
        OSError: the file cannot be opened.
    """
    folder = Path(detectors_folder) if detectors_folder is not None else usual_folder()
    found = installed_detector(detector, folder)
    with open_video(video) as opened:
        return detect_people(opened, found, people, min_frames, progress)


def detect_people(
    video: Video,
    detector: Detector,
    people: int | None = None,
    min_frames: int | None = None,
    progress: Progress | None = None,
) -> Clips:
    """The people in an open video; raises what ``detect`` does."""
    rows, times_s = Rows(), []
    with Detection(detector.command, _stream(video, people), video.frames()) as detection:
        for frame in detection:
            _add(rows, frame, detector.name)
            times_s.append(frame.time_s)
            if progress is not None:
                progress(len(times_s), video.frame_count)
        keypoint_format = detection.keypoint_format
    if not rows.joints:
        raise InvalidInput.at(video.name, f"people whom {detector.name} finds, found none")
    detections = _timed(rows.detections(keypoint_format, name=video.name), times_s, video)
    clips = make_clips(detections, detector.name, video.name, keypoint_format, min_frames=1)
    seen = replace(clips, notes=(*clips.notes, *video.notes))
    kept = _without_brief(seen, min_frames or _usual_least(seen, len(times_s)), video.name)
    return kept if any(detections.person_ids) else _numbered(kept)


def _usual_least(clips: Clips, frames: int) -> int:
    assert clips.fps is not None
    return max(1, min(round(clips.fps * _BRIEF_S), frames // 4))


def _without_brief(clips: Clips, least: int, name: str) -> Clips:
    """Those of people detected in so many frames: some are seen for an instant and are none."""
    kept = tuple(clip for clip in clips if len(clip.frames_N) >= least)
    if not kept:
        raise InvalidInput.at(name, f"a person who is detected in {least} frames")
    if len(kept) == len(clips):
        return clips
    note = f"{len(clips) - len(kept)} people detected in fewer than {least} frames are left out"
    return replace(clips, clips=kept, notes=(*clips.notes, note))


def _numbered(clips: Clips) -> Clips:
    """The same with names that count the people who are left."""
    named = (replace(clip, id=f"person-{number}") for number, clip in enumerate(clips))
    return replace(clips, clips=tuple(named))


def _stream(video: Video, people: int | None) -> PictureStream:
    return PictureStream(*video.image_size, video.fps, video.frame_count, people)


def _add(rows: Rows, frame: DetectedFrame, name: str) -> None:
    for place, person in enumerate(frame.people):
        where = f"{name}, frame {frame.number}, people[{place}]"
        rows.add(frame.number, person.keypoints, where, person.track_id, frame.time_s)


def _timed(detections: Detections, times_s: list[float], video: Video) -> Detections:
    """With the video's size and rate; with timestamps only where that is not constant."""
    fps, is_constant = frame_rate(np.array(times_s), video.fps)
    width, height = map(float, video.image_size)
    timed = replace(detections, fps=fps, image_size=(width, height))
    return replace(timed, timestamps_N=None) if is_constant else timed
