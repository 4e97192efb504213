"""The command-line framework: typed options, help from their docstrings, errors in one line."""

import sys
import tomllib
from collections.abc import Callable, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from cyclopts import App, ArgumentCollection, CycloptsError, Parameter, Token
from cyclopts.config import Env
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from poselift.errors import PoseliftError

USAGE_STATUS = 2
ENVIRONMENT = "POSELIFT_TRAINING_"
"""What begins the names of environment variables that stand for options; files outdo them."""
Settings = Mapping[str, Any]


def _split(value: Any) -> Any:  # noqa: ANN401
    """The members of a list, given one by one, with commas between them, or both."""
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list | tuple):
        return value
    parts = (text.split(",") if isinstance(text, str) else [text] for text in texts)
    return list(chain.from_iterable(parts))


List = (Parameter(n_tokens=1, negative=""), BeforeValidator(_split))
"""Annotations of a list: ``--option 1,2`` or ``--option 1 --option 2``."""


@Parameter(name="*")
class Options(BaseModel):
    """Options of a command; each field's docstring is its help."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


def command_line(program: str, command: Callable[..., None] | None = None) -> App:
    """The application behind ``python -m program``.

    The docstring of ``command`` is its help; without one it has subcommands.
    """
    app = App(
        name=f"python -m {program}",
        help_format="markdown",
        help_flags=("--help", "-h"),
        version_flags=(),
        result_action="return_value",
        # Of an option given several times the last one counts.
        default_parameter=Parameter(allow_repeating=True, show_default=_shown),
    )
    if command is not None:
        app.default(command)
    return app


def _shown(default: Any) -> str:  # noqa: ANN401
    """A default as it would be typed."""
    listed = default if isinstance(default, tuple) else (default,)
    return ",".join("none" if each is None else str(each) for each in listed) or "none"


def run(
    app: App,
    arguments: list[str] | None = None,
    flattened: Callable[[Settings], Settings] | None = None,
    failure_status: int = 1,
) -> None:
    """Run a command; wrong options end it with one line and status 2, failures likewise.

    Arguments are those of the process if not given. ``flattened`` makes settings by option of what
    a file named by ``--config`` holds; options take precedence over them.
    """
    files = () if flattened is None else (_Configured(flattened),)
    app.config = (*files, Env(ENVIRONMENT, command=False))
    try:
        app(arguments, exit_on_error=False, print_error=False)
    except KeyboardInterrupt:
        message = "stopped; start the same command again to go on from what is finished"
        _fail(message, failure_status)
    except CycloptsError as error:
        cause = error.__cause__
        _fail(f"error: {_mistakes(cause) if isinstance(cause, ValidationError) else error}")
    except ValidationError as error:
        _fail(f"error: {_mistakes(error)}")
    except PoseliftError as error:
        _fail(f"error: {error.detail}", failure_status)
    except (OSError, ValueError) as error:
        _fail(f"error: {error}", failure_status)


def _fail(message: str, status: int = USAGE_STATUS) -> None:
    print(message, file=sys.stderr)
    sys.exit(status)


def _mistakes(error: ValidationError) -> str:
    """What pydantic found, in a line."""
    mistakes = []
    for found in error.errors():
        option = "".join(f"{_option(str(name))}: " for name in found["loc"][-1:])
        value = f", found {found['input']}" if isinstance(found["input"], str) else ""
        mistakes.append(f"{option}{found['msg'].removeprefix('Value error, ')}{value}")
    return "; ".join(mistakes)


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


class _Configured:
    """Gives options that the command line leaves out the values in the file of ``--config``."""

    def __init__(self, flattened: Callable[[Settings], Settings]) -> None:
        self._flattened = flattened

    def __call__(self, app: App, commands: tuple[str, ...], arguments: ArgumentCollection) -> None:
        """As cyclopts calls it, between reading the command line and converting it."""
        del app, commands
        (config,) = (argument for argument in arguments if argument.name == "--config")
        if not config.tokens:
            return
        path = Path(config.tokens[0].value)
        options = {_option(name): value for name, value in self._flattened(_read(path)).items()}
        known = {argument.name: argument for argument in arguments}
        for name, value in options.items():
            if name not in known:
                raise ValueError(f"{path}: unknown setting {name.removeprefix('--')}")
            if not known[name].tokens:
                for each in value if isinstance(value, list) else [value]:
                    known[name].append(Token(keyword=name, value=str(each), source=str(path)))


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text())
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path}: not TOML: {error}") from None
