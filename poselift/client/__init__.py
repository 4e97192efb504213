"""Clients of a poselift server: ``Client`` blocks, ``AsyncClient`` is for asyncio.

They need the extra ``poselift[client]``; what it installs is imported when a client is made.
"""

from poselift.client.async_client import AsyncClient, AsyncSession
from poselift.client.client import Client, Session
from poselift.client.errors import (
    DeadlineExceeded,
    Forbidden,
    NotFound,
    Overloaded,
    ServerError,
    ServerUnavailable,
    SessionLost,
    SessionTaken,
    Temporary,
    TooLarge,
    Unauthenticated,
)
from poselift.client.frames import FramePoses, People
from poselift.client.messages import Clip, LiftOptions, ModelInfo, SessionOptions

__all__ = [
    "AsyncClient",
    "AsyncSession",
    "Client",
    "Clip",
    "DeadlineExceeded",
    "Forbidden",
    "FramePoses",
    "LiftOptions",
    "ModelInfo",
    "NotFound",
    "Overloaded",
    "People",
    "ServerError",
    "ServerUnavailable",
    "Session",
    "SessionLost",
    "SessionOptions",
    "SessionTaken",
    "Temporary",
    "TooLarge",
    "Unauthenticated",
]
