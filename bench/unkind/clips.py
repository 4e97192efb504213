"""What callers send: people who walk, as bodies and as messages of streams."""

import orjson

from poselift.v1 import poselift_pb2 as messages
from tests.models import person_clip

_STREAMED_FRAMES = 60


def clip_body(frames: int, model: str = "default") -> bytes:
    """A clip in JSON."""
    keypoints = person_clip(frames).astype(float).round(1).tolist()
    return orjson.dumps(
        {"model": model, "image_size": [1000, 800], "clips": [{"keypoints": keypoints}]}
    )


def large_body(size: int) -> bytes:
    """A clip in JSON of about so many bytes, by the same frame again and again."""
    frame = orjson.dumps(person_clip(1)[0].astype(float).round(1).tolist())
    begin, end = b'{"image_size":[1000,800],"clips":[{"keypoints":[', b"]}]}"
    return begin + b",".join([frame] * (size // (len(frame) + 1))) + end


def stream_frames(people: int = 1) -> list[bytes]:
    """Two seconds of a live stream."""
    told = []
    for keypoints in person_clip(_STREAMED_FRAMES):
        several = [
            messages.Person(track_id=f"p{number}", keypoints=keypoints.ravel().tolist())
            for number in range(people)
        ]
        message = messages.LiftStreamRequest(frame=messages.Frame(people=several))
        told.append(message.SerializeToString())
    return told
