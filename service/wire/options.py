"""The small fields of a request, checked with the places of the JSON in what is refused."""

from collections.abc import Mapping
from typing import Any, TypeVar

import orjson
from pydantic import ValidationError

from poselift.errors import FieldError, InvalidInput
from service.requests import ConvertOptions, DetectOptions, LiftOptions, PoseOptions, SessionOptions

Options = TypeVar("Options", bound=PoseOptions)

_MOST_PROBLEMS = 20
_LONGEST_PLACE = 200
_LONGEST_ID = 200
_LARGEST_FIELDS = 64 * 1024
_EXPECTED = {
    "missing": "a value",
    "too_long": "fewer values",
    "extra_forbidden": "no field of this name",
}
"""What was expected, where pydantic's message does not say it after "Input should be"."""
_FORMS = {
    "image_size": "[width, height] in pixels above 0, such as [1920, 1080]",
    "camera.focal_length": "pixels above 0: one number, or [fx, fy]",
    "camera.principal_point": "[cx, cy] in pixels",
}
"""How fields of several numbers look."""
_BRANCHES = {"tuple[constrained-float, constrained-float]", "constrained-float"}
"""What pydantic calls the forms of a field that has several."""


def lift_options(fields: Mapping[str, Any]) -> LiftOptions:
    """Check all fields of a lift request but its clips.

    Raises:
        InvalidInput: naming every field that is wrong.
    """
    return _options(fields, LiftOptions)


def session_options(fields: Mapping[str, Any]) -> SessionOptions:
    """Check how a live session is to be opened; raises what ``lift_options`` does."""
    options = _options(fields, SessionOptions)
    if options.lookahead_frames and options.smoothing_s:
        expected = "0 with lookahead_frames, which smooths poses by later frames"
        raise InvalidInput.at("smoothing_s", f"{expected}, found {options.smoothing_s}")
    if options.lookahead_frames and options.allow_gaps:
        raise InvalidInput.at("allow_gaps", "false with lookahead_frames")
    return options


def convert_options(fields: Mapping[str, Any]) -> ConvertOptions:
    """Check how a file is to be read; numbers may be texts. Raises what ``lift_options`` does."""
    try:
        return ConvertOptions.model_validate(fields)
    except ValidationError as error:
        raise _invalid(error) from None


def detect_options(fields: Mapping[str, Any]) -> DetectOptions:
    """Check how people are to be found; numbers may be texts. Raises what ``lift_options`` does."""
    try:
        return DetectOptions.model_validate(fields)
    except ValidationError as error:
        raise _invalid(error) from None


def _options(fields: Mapping[str, Any], kind: type[Options]) -> Options:
    """The options in these fields; no text passes for a number."""
    try:
        options = kind.model_validate_json(_small_json(fields), strict=True)
    except ValidationError as error:
        raise _invalid(error) from None
    options.joint_count()
    options.preprocessing(0)  # refuses cameras that cannot be
    return options


def clip_id(given: str, index: int) -> str:
    """The id of the clip at this index: the one given, or its index.

    Raises:
        InvalidInput: the id is too long.
    """
    if len(given) > _LONGEST_ID:
        raise InvalidInput.at(f"clips[{index}].id", f"no more than {_LONGEST_ID} characters")
    return given or str(index)


def unknown_field(where: str) -> InvalidInput:
    """The error about a field that no message has."""
    return InvalidInput.at(where[:_LONGEST_PLACE], _EXPECTED["extra_forbidden"])


def _small_json(fields: Mapping[str, Any]) -> bytes:
    """The fields as JSON once more: only there does pydantic's strict mode take lists for tuples.

    Raises:
        InvalidInput: they are deeper or larger than any that mean something.
    """
    try:
        encoded = orjson.dumps(fields)
    except orjson.JSONEncodeError:
        raise InvalidInput.at("body", "less deeply nested fields") from None
    if len(encoded) > _LARGEST_FIELDS:
        raise InvalidInput.at(
            "body", f"no more than {_LARGEST_FIELDS} bytes of fields besides clips"
        )
    return encoded


def _invalid(error: ValidationError) -> InvalidInput:
    expected: dict[str, str] = {}
    for fault in error.errors(include_url=False, include_context=False, include_input=False):
        place = _place(fault["loc"])
        said = _EXPECTED.get(fault["type"], fault["msg"].removeprefix("Input should be "))
        expected.setdefault(place, _FORMS.get(place, said))
    # Of a field with several forms the one that fits best tells its place most exactly.
    places = [place for place in expected if not any(_is_in(other, place) for other in expected)]
    problems = tuple(FieldError(place, expected[place]) for place in places[:_MOST_PROBLEMS])
    detail = "; ".join(f"{problem.where}: expected {problem.expected}" for problem in problems)
    return InvalidInput(detail, problems)


def _is_in(place: str, field: str) -> bool:
    return place.startswith((f"{field}.", f"{field}["))


def _place(location: tuple[int | str, ...]) -> str:
    named = (step for step in location if step not in _BRANCHES)
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in named)
    return "".join(steps).removeprefix(".")[:_LONGEST_PLACE] or "body"
