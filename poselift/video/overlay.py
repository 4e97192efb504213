"""People in a video beside the poses found in them: ``--overlay`` of the command."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from poselift.errors import InvalidInput
from poselift.formats import FORMATS
from poselift.poses import Poses
from poselift.readers.clips import Clip
from poselift.video.canvas import MIDDLE, Canvas, Colour, side_colour
from poselift.video.decoding import MOST_FRAMES, open_video
from poselift.video.drawn_bones import drawn_bones
from poselift.video.encoding import ENCODINGS, VideoWriter
from poselift.video.scene import Scene

Doubles = NDArray[np.float64]

_PAPER: Final[Colour] = (250, 250, 251)
_HALO: Final[Colour] = (255, 255, 255)
_INK: Final[Colour] = (40, 45, 55)
_MIN_SCORE: Final = 0.2
_SCENE_SHAPE: Final = 0.85
"""Width of the scene by its height."""
_WIDEST, _NARROWEST = 16 / 9, 0.5
"""Width of a picture by its height."""
_MARGIN: Final = 0.15
"""Around people without a video, of their extent."""
_LINE: Final = 0.0045
"""Half the width of a line, in parts of the picture's height."""
_TEXT: Final = 0.026


@dataclass(frozen=True, eq=False)
class LiftedPerson:
    """A clip and the poses of the same frames."""

    clip: Clip
    poses: Poses

    def keypoints(self, frame: int) -> Doubles | None:
        """Those detected in a frame of the source (J, 3), in pixels; None if nothing was."""
        clip = self.clip
        place = int(np.searchsorted(clip.frames_N, frame))
        if place == len(clip.frames_N) or clip.frames_N[place] != frame:
            return None
        scale_3 = np.ones(3)
        if clip.coordinates == "normalized":
            assert clip.image_size is not None
            scale_3[:2] = clip.image_size
        keypoints_J3: Doubles = clip.detected_NJ3[place] * scale_3
        return keypoints_J3


def write_overlay(path: Path, people: Sequence[LiftedPerson], video: Path | None = None) -> int:
    """Write a video of 2D keypoints beside the 3D poses; the number of its pictures.

    Args:
        path: an MP4 or, smaller and with fewer pictures a second, a WebP file.
        people: of one video, with the numbers of its frames.
        video: what the keypoints are drawn over; blank paper if left out.

    Raises:
        InvalidInput: the file's name has another ending, there is no person, or it is no video.
        OSError: a file cannot be opened or written.
    """
    encoding = ENCODINGS.get(path.suffix.lower())
    if encoding is None:
        raise InvalidInput.at(str(path), f"a name that ends with {' or '.join(ENCODINGS)}")
    if not people:
        raise InvalidInput.at(str(path), "a person to draw, found none")
    _check_extent(people)
    scene = Scene({each.clip.id: each.poses for each in people}, people[0].poses.known_fps)
    with ExitStack() as stack:
        pictures = _blank(people) if video is None else stack.enter_context(_over(video))
        writer = stack.enter_context(VideoWriter(path, encoding))
        region = None if video is not None else _Region.around(people)
        for picture in pictures:
            if writer.wants(picture.time_s):
                region = region or _Region.whole(picture.image)
                size = region.size(encoding.height)
                left = _draw_keypoints(picture, region, people, size)
                right_size = _even(size[1] * _SCENE_SHAPE), size[1]
                right = scene.draw(picture.frame, picture.time_s, right_size)
                writer.write(_beside(left, right), picture.time_s)
        return writer.pictures


def _check_extent(people: Sequence[LiftedPerson]) -> None:
    first = min(each.poses.first_frame for each in people)
    last = max(each.poses.first_frame + len(each.poses) for each in people)
    if last - first > MOST_FRAMES:
        expected = f"those of {MOST_FRAMES} frames at most, found {first} to {last}"
        raise InvalidInput.at("people", expected)


@dataclass(frozen=True, eq=False)
class _Picture:
    """What the keypoints of a frame are drawn over; nothing without a video."""

    frame: int
    time_s: float
    image: Image.Image | None = None


@contextmanager
def _over(path: Path) -> Iterator[Iterator[_Picture]]:
    with open_video(path) as video:
        yield (
            _Picture(each.number, each.time_s, Image.fromarray(each.image_HW3))
            for each in video.frames()
        )


def _blank(people: Sequence[LiftedPerson]) -> Iterator[_Picture]:
    """The frames from the first to the last with a person, at their times."""
    times = {
        each.poses.first_frame + place: time_s
        for each in people
        for place, time_s in enumerate(each.poses.times_s.tolist())
    }
    numbers = sorted(times)
    times_s = [times[number] for number in numbers]
    for frame in range(numbers[0], numbers[-1] + 1):
        yield _Picture(frame, float(np.interp(frame, numbers, times_s)) - times_s[0])


@dataclass(frozen=True, eq=False)
class _Region:
    """The part of the image that is shown, in its pixels."""

    corner_2: Doubles
    extent_2: Doubles

    @classmethod
    def whole(cls, image: Image.Image | None) -> "_Region":
        """All of a video's pictures."""
        assert image is not None
        return cls(np.zeros(2), np.array(image.size, float))

    @classmethod
    def around(cls, people: Sequence[LiftedPerson]) -> "_Region":
        """Where people are, with a margin, neither very wide nor very narrow."""
        places = np.concatenate([_seen(each) for each in people])
        low_2, high_2 = np.percentile(places, (0.5, 99.5), axis=0)
        middle_2, extent_2 = (low_2 + high_2) / 2, (high_2 - low_2) * (1 + 2 * _MARGIN) + 1
        wider, higher = extent_2[1] * _NARROWEST, extent_2[0] / _WIDEST
        extent_2 = np.maximum(extent_2, [wider, higher])
        return cls(middle_2 - extent_2 / 2, extent_2)

    def size(self, height: int) -> tuple[int, int]:
        """Width and height of the picture drawn, even; wide ones are less high."""
        shape = self.extent_2[0] / self.extent_2[1]
        height = _even(min(height, height * _WIDEST / shape))
        return _even(height * shape), height


def _seen(person: LiftedPerson) -> Doubles:
    """The places (N, 2) of all joints detected."""
    frames = [person.keypoints(frame) for frame in person.clip.frames_N.tolist()]
    keypoints_NJ3 = np.stack([each for each in frames if each is not None])
    return keypoints_NJ3[keypoints_NJ3[..., 2] >= _MIN_SCORE][:, :2]


def _draw_keypoints(
    picture: _Picture, region: _Region, people: Sequence[LiftedPerson], size: tuple[int, int]
) -> Image.Image:
    if picture.image is None:
        canvas = Canvas(Image.new("RGB", size, _PAPER))
    else:
        canvas = Canvas(picture.image.resize(size, Image.Resampling.BOX, reducing_gap=1.0))
    for person in people:
        keypoints_J3 = person.keypoints(picture.frame)
        if keypoints_J3 is not None:
            name = person.clip.id if len(people) > 1 else None
            places_J2 = (keypoints_J3[:, :2] - region.corner_2) * (size[1] / region.extent_2[1])
            _draw_person(canvas, person.clip, places_J2, keypoints_J3[:, 2], size[1], name)
    return canvas.finished()


def _draw_person(
    canvas: Canvas, clip: Clip, places_J2: Doubles, scores_J: Doubles, height: int, name: str | None
) -> None:
    """Bones and joints, first their halo, so that they are seen on any picture."""
    layout = FORMATS[clip.keypoint_format]
    seen_J = scores_J >= _MIN_SCORE
    width = _LINE * height
    bones = [bone for bone in drawn_bones(layout) if seen_J[list(bone)].all()]
    for halo in (True, False):
        radius = width * (1.7 if halo else 1.0)
        for a, b in bones:
            colour = _HALO if halo else _bone_colour(layout.joints[a], layout.joints[b])
            canvas.limb(places_J2[[a, b]], (radius, radius), colour)
        for joint in np.flatnonzero(seen_J):
            colour = _HALO if halo else side_colour(layout.joints[joint])
            canvas.ball(places_J2[joint], radius * 1.4, colour)
    if name is not None and seen_J.any():
        top_2 = places_J2[seen_J][places_J2[seen_J, 1].argmin()]
        above_2 = np.maximum(top_2 - [0, 0.05 * height], _TEXT * height)
        canvas.text(above_2, name, _TEXT * height, _INK, _HALO)


def _bone_colour(*joints: str) -> Colour:
    """That of a side, if both ends are on it."""
    colours = {side_colour(joint) for joint in joints}
    return colours.pop() if len(colours) == 1 else MIDDLE


def _beside(left: Image.Image, right: Image.Image) -> Image.Image:
    both = Image.new("RGB", (left.width + right.width, left.height))
    both.paste(left, (0, 0))
    both.paste(right, (left.width, 0))
    return both


def _even(side: float) -> int:
    return max(2, 2 * round(side / 2))
