"""What the training commands have in common: settings from the command line, errors in a line."""

import argparse
import sys
import tomllib
from pathlib import Path
from typing import Any

from pydantic_settings import BaseSettings, CliApp, SettingsConfigDict

from poselift.errors import PoseliftError


def command_line(program: str) -> SettingsConfigDict:
    """The configuration of a command whose fields are its options and their docstrings its help."""
    return SettingsConfigDict(
        cli_prog_name=f"python -m {program}",
        env_prefix="POSELIFT_TRAINING_",  # without one, NAME or OUTPUT of any shell would count
        cli_kebab_case=True,
        cli_implicit_flags=True,
        use_attribute_docstrings=True,
        frozen=True,
        extra="forbid",
    )


def run(command: type[BaseSettings]) -> None:
    """Run a command; a mistake in its options or files ends it with one line and status 1.

    Where a command has ``--config``, that file's settings count, and options outdo them.
    """
    try:
        configured = _configured(sys.argv[1:]) if "config" in command.model_fields else {}
        CliApp.run(command, **configured)
    except KeyboardInterrupt:
        sys.exit("stopped; a training run goes on from its last whole epoch when started again")
    except PoseliftError as error:
        sys.exit(f"error: {error.detail}")
    except (OSError, ValueError) as error:
        sys.exit(f"error: {error}")


def _configured(arguments: list[str]) -> dict[str, Any]:
    """The settings in the file that ``--config`` names, if it does."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--config", type=Path)
    path = parser.parse_known_args(arguments)[0].config
    if path is None:
        return {}
    try:
        return tomllib.loads(path.read_text())
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path}: not TOML: {error}") from None
