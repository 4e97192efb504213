"""Drawing smooth shapes: everything is drawn at twice the size and reduced."""

from typing import Final

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image, ImageDraw, ImageFont

Colour = tuple[int, int, int]

LEFT: Final[Colour] = (0, 114, 178)
RIGHT: Final[Colour] = (213, 94, 0)
MIDDLE: Final[Colour] = (110, 115, 125)
"""Blue, vermillion and grey, of the palette of Okabe and Ito: colour-blind people can tell them."""
_TIMES: Final = 2


def side_colour(joint: str) -> Colour:
    """The colour of the side of the body that a joint is on, by its name."""
    return {"left": LEFT, "right": RIGHT}.get(joint.partition("_")[0], MIDDLE)


def shaded(colour: Colour, share: float) -> Colour:
    """Darker for a share below 0, lighter above; at 1 it is white."""
    end = 255 if share > 0 else 0
    red, green, blue = (round(value + (end - value) * abs(share)) for value in colour)
    return red, green, blue


class Canvas:
    """A picture to draw on; places and sizes are in its pixels."""

    def __init__(self, picture: Image.Image) -> None:
        size = picture.width * _TIMES, picture.height * _TIMES
        # Reducing gives back the same picture where nothing is drawn.
        self._image = picture.resize(size, Image.Resampling.NEAREST)
        self._draw = ImageDraw.Draw(self._image)

    def limb(self, ends_22: ArrayLike, radii: tuple[float, float], colour: Colour) -> None:
        """A line with round ends, as thick at each as the radius there."""
        (start, end), (first, last) = np.asarray(ends_22, float) * _TIMES, radii
        way_2 = end - start
        length = float(np.hypot(*way_2))
        if length > 0:
            across_2 = np.array([-way_2[1], way_2[0]]) / length * _TIMES
            edges = (start + across_2 * first, end + across_2 * last)
            others = (end - across_2 * last, start - across_2 * first)
            self._draw.polygon([tuple(each) for each in (*edges, *others)], fill=colour)
        for place, radius in ((start, first), (end, last)):
            self._ball(place, radius * _TIMES, colour)

    def ball(self, place_2: ArrayLike, radius: float, colour: Colour) -> None:
        """A filled circle."""
        self._ball(np.asarray(place_2, float) * _TIMES, radius * _TIMES, colour)

    def line(self, ends_22: ArrayLike, width: float, colour: Colour) -> None:
        """A thin line."""
        ends = [tuple(each) for each in np.asarray(ends_22, float) * _TIMES]
        self._draw.line(ends, fill=colour, width=max(1, round(width * _TIMES)))

    def text(
        self, place: ArrayLike, text: str, size: float, colour: Colour, halo: Colour | None = None
    ) -> None:
        """A text whose middle is at a place, with a halo that sets it off from a picture."""
        x, y = np.asarray(place, float) * _TIMES
        font = ImageFont.load_default(size * _TIMES)
        around = 0 if halo is None else _TIMES * 2
        self._draw.text(
            (x, y), text, colour, font, "mm", stroke_width=around, stroke_fill=halo or colour
        )

    def finished(self) -> Image.Image:
        """The picture."""
        return self._image.reduce(_TIMES)

    def _ball(self, place_2: np.ndarray, radius: float, colour: Colour) -> None:
        x, y = place_2
        self._draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)
