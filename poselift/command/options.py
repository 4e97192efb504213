"""Options that several subcommands have, in groups; each field's docstring is its help."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Protocol

from cyclopts import Parameter
from cyclopts.validators import Number

from poselift.cameras import Camera
from poselift.command.usage import UsageError
from poselift.errors import InvalidInput
from poselift.formats import FORMATS
from poselift.lifting import SHORTEST_M, TALLEST_M
from poselift.poses import Axes
from poselift.readers.clips import Clips
from poselift.readers.reading import read
from poselift.readers.registry import READERS

_CAMERA: Final = {"focal_length", "fov_degrees", "principal_point", "radial", "tangential"}
_SIZE: Final = "width and height in pixels"
_TIMEOUT_S: Final = 60.0


class ReadsClips(Protocol):
    """How the people in an input are found."""

    def read(self, path: Path) -> Clips:
        """The people in an input."""


@Parameter(name="*", group="Input")
@dataclass(frozen=True)
class Reading:
    """How the inputs are read; what is told here outdoes what they say."""

    image_size: Annotated[tuple[float, float] | None, Parameter(negative="")] = None
    """width and height of the image in pixels"""
    fps: Annotated[float | None, Parameter(validator=Number(gt=0, lt=1e9))] = None
    """frames per second"""
    format: str | None = None
    """the keypoint format, if the file does not tell it"""
    reader: str | None = None
    """the reader of the inputs, if several or none know them"""
    min_frames: Annotated[int, Parameter(validator=Number(gte=1))] = 1
    """people detected in fewer frames are left out"""

    def check(self) -> None:
        """Refuse what fits no input.

        Raises:
            UsageError: there is no such reader or format, or no image of this size.
        """
        if self.image_size is not None and not all(0 < side < 1e9 for side in self.image_size):
            raise UsageError.at("image_size", f"{_SIZE}, found {self.image_size}")
        _check_name("reader", self.reader, [reader.name for reader in READERS])
        _check_name("keypoint_format", self.format, list(FORMATS))

    def read(self, path: Path) -> Clips:
        """The people in an input; raises what ``poselift.read`` does."""
        return read(
            path,
            reader=self.reader,
            keypoint_format=self.format,
            image_size=self.image_size,
            fps=self.fps,
            min_frames=self.min_frames,
        )


@Parameter(name="*", group="Lifting")
@dataclass(frozen=True)
class Lifting:
    """How clips are lifted; what is told here outdoes what lift requests say."""

    model: str | None = None
    """a shipped model's name or alias, a model folder, or with --server a model of the server"""
    axes: Axes | None = None
    """of the poses, for .npz, .json, .csv and .parquet; the other formats have their own"""
    person_height: Annotated[
        float | None, Parameter(validator=Number(gte=SHORTEST_M, lte=TALLEST_M))
    ] = None
    """scale poses and trajectory to a person of this height in metres"""
    smoothing: Annotated[float | None, Parameter(validator=Number(gte=0, lte=1))] = None
    """smooth over so many seconds around each frame"""
    constant_bone_lengths: bool | None = None
    """give each bone its median length throughout"""
    ground_contact: bool | None = None
    """change the trajectory so that standing feet do not slide"""
    flip_augmentation: bool | None = None
    """average with the mirrored input's poses: a little better, twice the cost"""
    min_score: Annotated[float | None, Parameter(validator=Number(gte=0, lte=1))] = None
    """joints scored lower are missing"""
    fov: Annotated[float | None, Parameter(validator=Number(gt=0, lt=180))] = None
    """the camera's field of view across the image's width, in degrees"""

    def of(self, clips: Clips) -> dict[str, Any]:
        """The options of ``poselift.lift`` for the clips of a file, those of each clip left out.

        Raises:
            InvalidInput: the size of the image is not known, or the file's camera is none.
        """
        size = clips.image_size
        if size is None:
            raise InvalidInput.at("image_size", f"{_SIZE}: --image-size W H")
        options = {**clips.extra, **self._told()}
        if self.fov is not None:
            options["camera"] = Camera.of(size, fov_degrees=self.fov)
        elif options.get("camera"):
            options["camera"] = _camera(options["camera"], size)
        return options

    def _told(self) -> dict[str, Any]:
        options = {
            "model": self.model,
            "axes": self.axes,
            "person_height_m": self.person_height,
            "smoothing_s": self.smoothing,
            "constant_bone_lengths": self.constant_bone_lengths,
            "ground_contact": self.ground_contact,
            "flip_augmentation": self.flip_augmentation,
            "min_score": self.min_score,
        }
        return {name: value for name, value in options.items() if value is not None}


@Parameter(name="*", group="Server")
@dataclass(frozen=True)
class Server:
    """Where a running service is."""

    server: str | None = None
    """lift at this server: http://, https://, grpc:// or grpcs://HOST:PORT"""
    api_key: Annotated[str | None, Parameter(env_var="POSELIFT_API_KEY")] = None
    """the key that it asks for; other users of a machine may see it on a command line"""
    ca_file: Path | None = None
    """certificates in PEM of the authorities that are trusted, if not the usual ones"""
    timeout: Annotated[float, Parameter(validator=Number(gt=0))] = _TIMEOUT_S
    """seconds for each clip, all tries together"""

    def client(self) -> Any:  # noqa: ANN401 - a poselift.Client, whose packages are an extra's
        """A client of it.

        Raises:
            UsageError: the URL is none, or the file holds no certificates.
            ClientNotInstalled: the extra ``poselift[client]`` is missing.
        """
        from poselift.client import Client  # noqa: PLC0415 - only if used

        try:
            return Client(
                self.server or "",
                api_key=self.api_key,
                timeout_s=self.timeout,
                ca_file=self.ca_file,
            )
        except InvalidInput as error:
            raise UsageError(f"--server: {error.detail}") from None


def _check_name(where: str, name: str | None, names: list[str]) -> None:
    if name is not None and name not in names:
        raise UsageError.at(where, f"one of {', '.join(names)}, found {name!r}")


def _camera(request: dict[str, Any], image_size: tuple[float, float]) -> Camera:
    """A camera from the fields of a lift request."""
    unknown = set(request) - _CAMERA
    if unknown:
        raise InvalidInput.at(f"camera.{min(unknown)}", "no field of this name")
    fields: dict[str, Any] = {
        name: tuple(v) if isinstance(v, list) else v for name, v in request.items()
    }
    return Camera.of(image_size, **fields)
