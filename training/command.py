"""What the training commands have in common: settings from the command line, errors in a line."""

import sys

from pydantic_settings import BaseSettings, CliApp, SettingsConfigDict

from service.errors import PoseliftError


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
    """Run a command; a mistake in its options or files ends it with one line and status 1."""
    try:
        CliApp.run(command)
    except KeyboardInterrupt:
        sys.exit("stopped; a training run goes on from its last whole epoch when started again")
    except PoseliftError as error:
        sys.exit(f"error: {error.detail}")
    except (OSError, ValueError) as error:
        sys.exit(f"error: {error}")
