"""Files that detectors and tools wrote to lift requests in JSON."""

from dataclasses import dataclass

import orjson

from poselift.errors import InvalidInput
from poselift.readers.clips import Clips
from poselift.readers.reading import read
from poselift.readers.source import Source
from service.requests import ConvertOptions
from service.validation import Limits, check_limit


@dataclass(frozen=True)
class Converted:
    """A lift request in JSON, and how it was read."""

    body: bytes
    reader: str
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Conversion:
    """Reads a file's bytes under these options; can be sent to another process."""

    options: ConvertOptions

    def __call__(self, body: bytes, limits: Limits) -> Converted:
        """Read a file.

        Raises:
            InvalidInput: no reader takes it, or something in it is wrong.
            TooLarge: the request would be over the limits.
        """
        known = self.options.model_dump(exclude={"name"})
        clips = read(Source.of_bytes(self.options.name, body), **known)
        _check_extent(clips, limits)
        try:
            return Converted(orjson.dumps(clips.lift_request()), clips.reader, clips.notes)
        except orjson.JSONEncodeError as error:
            raise InvalidInput.at(self.options.name, f"what JSON can hold: {error}") from None


def _check_extent(clips: Clips, limits: Limits) -> None:
    """Frames without a detection are nulls in a request, so a small file can make a large one."""
    check_limit("clips", len(clips), limits.max_clips_per_request)
    check_limit("frames", sum(map(len, clips)), limits.max_frames_per_request)
