"""What the commands of ``training.prepare`` have in common."""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Command:
    """A data set: how to ask for it, and what reads it, writes the file and says what is in it."""

    name: str
    summary: str
    description: str
    output: str
    """The file written unless the caller names another."""
    add_options: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], None]
    epilog: str = ""


def file_option(parser: argparse.ArgumentParser, name: str, text: str) -> None:
    """An option that must name a file."""
    parser.add_argument(name, type=Path, required=True, metavar="FILE", help=text)


def rate_option(parser: argparse.ArgumentParser) -> None:
    """The frame rate."""
    parser.add_argument(
        "--fps", type=rate, default=50.0, help="frames per second; default: %(default)g"
    )


def rate(text: str) -> float:
    """Frames per second as an option gives them."""
    frames = float(text)
    if not 1.0 <= frames <= 1000.0:
        raise argparse.ArgumentTypeError(f"{text} is not between 1 and 1000")
    return frames
