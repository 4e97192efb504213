"""Files of keypoints to clips: ``poselift.read``."""

from dataclasses import replace
from pathlib import Path

from poselift.errors import InvalidInput
from poselift.readers.archives import unpacked
from poselift.readers.clips import Clips, make_clips
from poselift.readers.detections import Detections
from poselift.readers.reader import Reader, choose
from poselift.readers.registry import READERS
from poselift.readers.source import Source


def read(
    path: str | Path | Source,
    *,
    reader: str | None = None,
    keypoint_format: str | None = None,
    image_size: tuple[float, float] | None = None,
    fps: float | None = None,
    min_frames: int = 1,
) -> Clips:
    """Read the keypoints that a detector or tool wrote, one clip a person.

    >>> for clip in poselift.read("results.json", image_size=(1920, 1080)):  # doctest: +SKIP
    ...     poses = poselift.lift(clip.keypoints, **clip.options)

    Args:
        path: a file, a folder or a ZIP archive of one, or a ``Source`` of bytes.
        reader: the name of a reader, for files that none or several take.
        keypoint_format: a name in ``poselift.formats.FORMATS``, if the file does not tell it.
        image_size: width and height of the image in pixels; outdoes what the file says.
        fps: frames per second; outdoes what the file says.
        min_frames: people detected in fewer frames are left out.

    Raises:
        InvalidInput: no reader takes the file, or several; or something in it is wrong.
        OSError: it cannot be opened.
    """
    source = unpacked(path if isinstance(path, Source) else Source.of(path))
    chosen = choose(source, READERS, reader)
    detections = _told(_read(chosen, source), image_size, fps)
    return make_clips(detections, chosen.name, source.name, keypoint_format, min_frames)


def _read(reader: Reader, source: Source) -> Detections:
    try:
        return reader.read(source)
    except OverflowError as error:
        raise InvalidInput.at(source.name, f"numbers of usual size: {error}") from None


def _told(
    detections: Detections, image_size: tuple[float, float] | None, fps: float | None
) -> Detections:
    """The detections with what the caller knows of the video."""
    size = image_size or detections.image_size
    rate = fps or detections.fps
    if size is not None and (len(size) != 2 or not all(0 < side < 1e9 for side in size)):
        raise InvalidInput.at("image_size", f"width and height in pixels, found {size}")
    if rate is not None and not 0 < rate < 1e9:
        raise InvalidInput.at("fps", f"frames per second above 0, found {rate}")
    return replace(detections, image_size=size, fps=rate)
