"""The environment's variables: which are ours, which mean nothing, which are secret."""

import difflib
import logging
import os
import re
from collections.abc import Iterable, Mapping

from service.addresses import is_address

_log = logging.getLogger("poselift")

PREFIX = "POSELIFT_"
_TELEMETRY = "OTEL_"
_TRAINING = f"{PREFIX}TRAINING_"
"""Variables of the training commands, which may be set in the same shell."""

_OTLP = "otlp"
_OVER_HTTP = "http/protobuf"
_URL = re.compile(r"(tcp|udp|sctp)://.+")
_SERVICE_LINKS = (
    (re.compile(r"(.+_)?SERVICE_HOST"), "address"),
    (re.compile(r"(.+_)?SERVICE_PORT(_.+)?"), "number"),
    (re.compile(r"(.+_)?PORT(_\d+_(TCP|UDP|SCTP))?"), "url"),
    (re.compile(r"(.+_)?PORT_\d+_(TCP|UDP|SCTP)_ADDR"), "address"),
    (re.compile(r"(.+_)?PORT_\d+_(TCP|UDP|SCTP)_PORT"), "number"),
    (re.compile(r"(.+_)?PORT_\d+_(TCP|UDP|SCTP)_PROTO"), "protocol"),
)
"""What Kubernetes sets for each service of a namespace: such of a service ``poselift-redis`` have
our prefix. Names without it, with the kind of their values."""


def unknown_variables(variables: Mapping[str, str], known: Iterable[str]) -> dict[str, str | None]:
    """Of these variables, those with our prefix that mean nothing, with the likeliest meant.

    ``known`` are names without the prefix, in capitals. Kubernetes' own are left out.
    """
    ours = {name: name.upper() for name in variables if name.upper().startswith(PREFIX)}
    known = list(known)
    return {
        name: _nearest(capitals.removeprefix(PREFIX), known)
        for name, capitals in ours.items()
        if capitals.removeprefix(PREFIX) not in known
        and not capitals.startswith(_TRAINING)
        and not is_service_link(name, variables[name])
    }


def is_service_link(name: str, value: str) -> bool:
    """Whether Kubernetes has made a variable with our prefix, by its name and its value."""
    rest = name.removeprefix(PREFIX)
    return any(form.fullmatch(rest) and _is_of(kind, value) for form, kind in _SERVICE_LINKS)


def is_service_url(value: object) -> bool:
    """Whether a value is one that Kubernetes gives a ``*_PORT``, where we have a number."""
    return isinstance(value, str) and _URL.fullmatch(value) is not None


def wants_traces(variables: Mapping[str, str]) -> bool:
    """Whether these variables, OpenTelemetry's own, name a collector that traces can be sent to."""

    def said(name: str) -> str:
        found = variables.get(f"{_TELEMETRY}EXPORTER_OTLP_TRACES_{name}")
        return found or variables.get(f"{_TELEMETRY}EXPORTER_OTLP_{name}") or ""

    is_off = variables.get(f"{_TELEMETRY}SDK_DISABLED", "").lower() == "true"
    exporter = variables.get(f"{_TELEMETRY}TRACES_EXPORTER") or _OTLP
    if is_off or exporter != _OTLP or not said("ENDPOINT"):
        return False
    protocol = said("PROTOCOL") or _OVER_HTTP
    if protocol != _OVER_HTTP:
        _log.warning("traces are sent as %s alone, not as %s: none are sent", _OVER_HTTP, protocol)
    return protocol == _OVER_HTTP


def forget_ours() -> None:
    """Take our variables and OpenTelemetry's out of the environment.

    Some are secret: no child process inherits them.
    """
    ours = PREFIX, _TELEMETRY
    for name in [each for each in os.environ if each.upper().startswith(ours)]:
        del os.environ[name]


def _is_of(kind: str, value: str) -> bool:
    match kind:
        case "address":
            return is_address(value)
        case "number":
            return value.isdecimal()
        case "protocol":
            return value in {"tcp", "udp", "sctp"}
    return is_service_url(value)


def _nearest(name: str, known: Iterable[str]) -> str | None:
    matches = difflib.get_close_matches(name, list(known), n=1)
    return PREFIX + matches[0] if matches else None
