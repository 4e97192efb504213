"""The settings of one process, read from the environment by ``__main__`` alone."""

import logging
import os
from itertools import combinations
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    Field,
    FilePath,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from poselift.shipped_models import SHIPPED_MODELS
from service.addresses import Network, is_every, is_loopback, named_host, named_origin
from service.environment import PREFIX, is_service_url

_log = logging.getLogger("poselift")

_SECRET = ("api_keys", "redis_url", "redis_sentinels")

_Port = Annotated[int, Field(ge=0, le=65535)]
_Positive = Annotated[int, Field(gt=0)]
_Origin = Annotated[str, AfterValidator(named_origin)]
_Host = Annotated[str, AfterValidator(named_host)]
_Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Settings(BaseSettings):
    """Every field is the environment variable of its name, in capitals, after ``POSELIFT_``."""

    model_config = SettingsConfigDict(frozen=True, env_prefix=PREFIX, env_ignore_empty=True)

    host: str = "127.0.0.1"
    """The address to listen on; 0.0.0.0 for all of them. Others than loopback need keys."""
    http_port: _Port = 8000
    """HTTP port; 0 for any that is free."""
    grpc_port: _Port = 50051
    """gRPC port; 0 for any that is free."""

    management_port: _Port | None = None
    """A port of their own for probes, metrics and debugging; 0 for any that is free."""
    management_host: str = "127.0.0.1"
    """The address of the management port."""

    models_dir: Path = SHIPPED_MODELS
    """A folder of model folders, all of which are served."""
    default_model: str | None = None
    """What the alias `default` stands for; else the first symmetric model by name."""
    live_model: str | None = None
    """What the alias `live` stands for; else the first causal model by name."""
    providers: Literal["auto", "cpu", "cuda"] = "auto"
    """Where models run; `auto` takes a GPU that works, else the CPU."""
    strict_providers: bool = False
    """Refuse to start rather than fall back to the CPU."""
    threads: Annotated[int, Field(ge=0)] = 0
    """Threads a model may use in a worker; 0 for as many as there are cores for each worker."""
    workers: Annotated[int, Field(gt=0, le=64)] = 1
    """Processes that serve, behind the same ports."""

    api_keys: Annotated[frozenset[str], NoDecode] = frozenset()
    """Keys that open the service, separated by commas, each its own owner of sessions.
    Printable ASCII characters."""
    allow_anonymous: bool = False
    """Let the service listen to other machines without keys."""
    api_keys_file: Path | None = None
    """A file of names with hashes of their keys and quotas; read again when it changes."""
    trusted_proxies: Annotated[tuple[Network, ...], NoDecode] = ()
    """Addresses or networks, separated by commas, whose `X-Forwarded-For` is believed."""

    tls_certificate: Path | None = None
    """A PEM file of the certificate of both ports and its chain; read again when it changes."""
    tls_key: Path | None = None
    """A PEM file of the certificate's private key, not encrypted."""
    tls_client_ca: Path | None = None
    """A PEM file of authorities: callers need a certificate of one of them."""
    allowed_origins: Annotated[tuple[_Origin, ...], NoDecode] = ()
    """Origins of web pages that may ask besides its own, separated by commas; `*` for all."""
    allowed_hosts: Annotated[tuple[_Host, ...], NoDecode] = ()
    """Names or addresses under which the service is asked, on any port, separated by commas; others
    are refused."""

    docs: bool = True
    """Whether `/docs` and `/openapi.json` are served."""
    reflection: bool = True
    """Whether gRPC tells of its methods."""

    convert: bool | None = None
    """Whether `POST /v1/convert` reads the files of callers; else only on a loopback address."""

    detect: bool | None = None
    """Whether `POST /v1/detect` finds people in the videos of callers; else only on a loopback
    address."""
    detectors_dir: Path | None = None
    """Where detectors are installed; else in the user's data folder."""
    max_video_bytes: _Positive = 512 * 1024 * 1024
    """The largest video."""
    max_video_s: _Seconds = 600.0
    """The longest video."""
    max_videos: _Positive = 1
    """How many videos are worked on at a time; more are refused (429)."""
    detect_timeout_s: _Seconds = 1800.0
    """The longest that finding people in a video may take."""

    max_body_bytes: Annotated[int, Field(gt=0, lt=2**31)] = 128 * 1024 * 1024
    """The largest body of a request; over gRPC no more than 32 MB."""
    max_frames_per_request: _Positive = 100_000
    """The most frames in a request, over all its clips."""
    max_clips_per_request: _Positive = 1_000
    """The most clips in a request."""
    max_queued_frames: _Positive = 250_000
    """The most frames accepted and not yet lifted, for each model; more are refused (429)."""
    max_wait_s: _Seconds = 0.1
    """The longest wait for which a request to lift clips is accepted, unless it takes half as long
    by itself; three times as much in bursts."""
    max_concurrent_requests: _Positive = 1_024
    """The most requests in progress."""
    max_batch_frames: _Positive = 2_048
    """The most frames a model runs together; longer clips are lifted in pieces."""
    max_gap_s: Annotated[float, Field(ge=0, le=60)] = 0.25
    """Up to how long a time with nothing measured is filled; beyond it poses are null."""

    redis_url: str | None = None
    """The Redis or Valkey server that keeps live sessions, shared by all replicas; else a private
    one is started, and sessions end with this process."""
    redis_sentinels: Annotated[tuple[str, ...], NoDecode] = ()
    """URLs of the Redis Sentinels that know the server, separated by commas; then the host in
    `REDIS_URL` is the name of the primary they watch."""
    redis_ca_file: FilePath | None = None
    """Certificates to trust with `rediss://`, instead of those that this machine trusts."""
    redis_cert_file: FilePath | None = None
    """The certificate to show with `rediss://`, where the server asks for one."""
    redis_key_file: FilePath | None = None
    """The key of `REDIS_CERT_FILE`."""
    store_replicas: Annotated[int, Field(ge=0)] = 0
    """How many replicas of the Redis must have a frame, beside itself, for it to be durable."""
    store_settle_s: Annotated[float, Field(ge=0, le=60)] = 2.0
    """How long sessions are not resumed after the Redis was restarted, replaced or emptied, so that
    the replicas that hold them can write back what it has lost."""
    store_timeout_s: _Seconds = 1.0
    """After how long without an answer the session store counts as away."""
    max_store_outage_s: _Seconds = 60.0
    """How long live sessions go on while the session store is away."""
    embedded_store_bytes: _Positive = 512 * 1024 * 1024
    """The memory of the private session store; a session takes some 60 kB of it for each person."""
    session_expiry_s: _Seconds = 600.0
    """After how long without a frame a live session is forgotten."""
    max_live_sessions: _Positive = 4_096
    """The most live sessions of this process."""
    max_live_tracks: Annotated[int, Field(gt=0, le=1_000_000)] = 2_048
    """The most people in all live sessions of this process, for each model."""
    max_live_lateness: Annotated[float, Field(gt=0, le=1)] = 0.7
    """The part of the time between live frames that they may take, on average, before no more
    sessions are opened; 1 to open them all the same."""
    slow_reader_timeout_s: _Seconds = 30.0
    """After how long of not reading its answers a caller's connection is ended."""

    max_connections: _Positive = 4_096
    """The most connections at a time, to each of the two ports."""
    keep_alive_s: _Seconds = 75.0
    """How long a connection to either port is kept without a request; longer than load balancers
    do."""

    request_timeout_s: _Seconds = 300.0
    """The longest a request may take."""
    lame_duck_s: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 5.0
    """After SIGTERM, how long requests are still served while `/readyz` says that the service ends,
    so that load balancers take notice; a second signal ends it."""
    drain_timeout_s: _Seconds = 25.0
    """How long requests in progress may take after a signal to stop."""

    max_event_loop_lag_s: _Seconds = 10.0
    """After how long the event loop counts as stuck, and `/healthz` says so."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """How much is logged."""
    log_format: Literal["text", "json"] = "text"
    """Lines for people, or an object a line."""
    access_log: bool = False
    """Whether each request is logged once it is answered."""

    @property
    def model_threads(self) -> int:
        """How many threads models have: as many as there are cores, unless ``threads`` says."""
        return self.threads or usable_cores()

    @property
    def converts(self) -> bool:
        """Whether files of callers are read."""
        return is_loopback(self.host) if self.convert is None else self.convert

    @property
    def detects(self) -> bool:
        """Whether people are found in the videos of callers."""
        return is_loopback(self.host) if self.detect is None else self.detect

    @property
    def checked_hosts(self) -> tuple[str, ...] | None:
        """Names under which the service may be asked, besides loopback ones; None for any."""
        return self.allowed_hosts if self.allowed_hosts or is_loopback(self.host) else None

    @field_validator("api_keys", mode="before")
    @classmethod
    def _split(cls, keys: object) -> object:
        if not isinstance(keys, str):
            return keys
        named = frozenset(key.strip() for key in keys.split(",") if key.strip())
        if not named:
            raise ValueError("names no key; leave it out to be open to all")
        if not all(key.isascii() and key.isprintable() for key in named):
            raise ValueError("a key has characters that no header can have: printable ASCII alone")
        return named

    @field_validator(
        "trusted_proxies", "allowed_origins", "allowed_hosts", "redis_sentinels", mode="before"
    )
    @classmethod
    def _listed(cls, words: object) -> object:
        if not isinstance(words, str):
            return words
        return tuple(word.strip() for word in words.split(",") if word.strip())

    @field_validator("http_port", "grpc_port", "management_port", mode="before")
    @classmethod
    def _default_for_service_url(cls, port: object, info: ValidationInfo) -> object:
        """Kubernetes sets POSELIFT_HTTP_PORT for a service that is called poselift-http."""
        if not is_service_url(port):
            return port
        name = info.field_name or ""
        _log.warning(
            "%s is a service link of Kubernetes: what it was set to, if to anything, is lost; "
            "enableServiceLinks: false in the pod keeps it",
            PREFIX + name.upper(),
        )
        return cls.model_fields[name].default

    @model_validator(mode="after")
    def _certified(self) -> Self:
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError(f"{PREFIX}TLS_CERTIFICATE and {PREFIX}TLS_KEY need each other")
        if self.tls_client_ca is not None and self.tls_certificate is None:
            raise ValueError(f"{PREFIX}TLS_CLIENT_CA needs {PREFIX}TLS_CERTIFICATE")
        return self

    @model_validator(mode="after")
    def _on_ports_of_their_own(self) -> Self:
        ports = {"HTTP_PORT": self.http_port, "GRPC_PORT": self.grpc_port}
        hosts = (self.host, self.management_host)
        is_apart = self.host != self.management_host and not any(map(is_every, hosts))
        if self.management_port is not None and not is_apart:
            ports["MANAGEMENT_PORT"] = self.management_port
        for (one, port), (other, same) in combinations(ports.items(), 2):
            if port == same != 0:
                raise ValueError(f"{PREFIX}{one} and {PREFIX}{other} are both {port}")
        return self

    @model_validator(mode="after")
    def _closed_to_others(self) -> Self:
        has_keys = self.api_keys or self.api_keys_file is not None
        if not (has_keys or self.allow_anonymous or is_loopback(self.host)):
            raise ValueError(
                f"{PREFIX}HOST={self.host} listens to other machines: name keys with "
                f"{PREFIX}API_KEYS_FILE or {PREFIX}API_KEYS, or let everybody in with "
                f"{PREFIX}ALLOW_ANONYMOUS=true"
            )
        return self

    @field_validator("log_level", "log_format", "providers", mode="before")
    @classmethod
    def _lower(cls, name: object) -> object:
        return name.lower() if isinstance(name, str) else name


def usable_cores() -> int:
    """How many processors' cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1  # as on macOS


def explain(error: ValidationError) -> str:
    """What is wrong with the settings, in one line that tells no secret."""
    return "; ".join(map(_explained, error.errors()))


def _explained(fault: ErrorDetails) -> str:
    said = fault["msg"].removeprefix("Value error, ")
    if not fault["loc"]:  # of several settings together, the keys among them
        return said
    name = str(fault["loc"][0])
    value = "" if name in _SECRET else f"={fault['input']!r}"
    return f"{PREFIX}{name.upper()}{value}: {said}"
