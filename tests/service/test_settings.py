"""Settings from the environment: defaults, forms of values, and error messages."""

import ast
import inspect
import itertools
import os
from contextlib import nullcontext
from pathlib import Path

import pytest
from pydantic import ValidationError

from service.environment import unknown_variables
from service.settings import Settings, explain


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in tuple(os.environ):
        if name.startswith("POSELIFT_"):
            monkeypatch.delenv(name)


def test_the_defaults_serve_what_is_in_the_package() -> None:
    settings = Settings()
    assert settings.http_port == 8000
    assert settings.grpc_port == 50051
    assert settings.models_dir.name == "models"
    assert settings.api_keys == frozenset()


def test_values_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSELIFT_HTTP_PORT", "9000")
    monkeypatch.setenv("POSELIFT_API_KEYS", "one, two,,")
    monkeypatch.setenv("POSELIFT_LOG_LEVEL", "DEBUG")
    monkeypatch.setenv("POSELIFT_STRICT_PROVIDERS", "true")
    monkeypatch.setenv("POSELIFT_DEFAULT_MODEL", "")
    settings = Settings()
    assert settings.http_port == 9000
    assert settings.api_keys == {"one", "two"}
    assert settings.log_level == "debug"
    assert settings.strict_providers
    assert settings.default_model is None


def test_origins_and_hosts_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSELIFT_ALLOWED_ORIGINS", "https://App.example:8443, null")
    monkeypatch.setenv("POSELIFT_ALLOWED_HOSTS", "Poses.example,10.0.0.5,[FD00:0::5],fd00::6")
    settings = Settings()
    assert settings.allowed_origins == ("https://app.example:8443", "null")
    assert settings.allowed_hosts == ("poses.example", "10.0.0.5", "fd00::5", "fd00::6")


@pytest.mark.parametrize(
    ("named", "sent"),
    [
        ("https://app.example:443", "https://app.example"),
        ("http://App.example:80", "http://app.example"),
        ("https://app.example:80", "https://app.example:80"),
        ("http://[FD00:0::5]:8080", "http://[fd00::5]:8080"),
        ("capacitor://localhost", "capacitor://localhost"),
    ],
)
def test_an_origin_is_what_browsers_send_of_it(
    monkeypatch: pytest.MonkeyPatch, named: str, sent: str
) -> None:
    monkeypatch.setenv("POSELIFT_ALLOWED_ORIGINS", named)
    assert Settings().allowed_origins == (sent,)


ORIGINS = "app.example", "https://app.example/", "https://", "https://*.example"
ORIGINS += "https://app.example:port", "https://app.example:65536", "https://bücher.example"
HOSTS = "poses.example:8443", "10.0.0.5:80", "[fd00::5]:80", "*", "http://poses.example", "bücher"


@pytest.mark.parametrize(
    ("name", "value"),
    [("ORIGINS", each) for each in ORIGINS] + [("HOSTS", each) for each in HOSTS],
)
def test_what_no_browser_sends_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """Otherwise it would never match, and all be refused."""
    monkeypatch.setenv(f"POSELIFT_ALLOWED_{name}", f"null,{value}")
    with pytest.raises(ValidationError) as mistake:
        Settings()
    assert f"POSELIFT_ALLOWED_{name}={value!r}: expected " in explain(mistake.value)


@pytest.mark.parametrize("other", ["GRPC_PORT", "MANAGEMENT_PORT"])
def test_ports_differ(monkeypatch: pytest.MonkeyPatch, other: str) -> None:
    monkeypatch.setenv("POSELIFT_HTTP_PORT", "0")
    monkeypatch.setenv(f"POSELIFT_{other}", "0")  # any that is free
    Settings()
    monkeypatch.setenv("POSELIFT_HTTP_PORT", "9000")
    monkeypatch.setenv(f"POSELIFT_{other}", "9000")
    with pytest.raises(ValidationError) as mistake:
        Settings()
    told = explain(mistake.value)
    assert told == f"POSELIFT_HTTP_PORT and POSELIFT_{other} are both 9000"


@pytest.mark.parametrize(("host", "is_apart"), [("127.0.0.2", True), ("127.0.0.1", False)])
def test_the_management_port_may_be_the_same_elsewhere(
    monkeypatch: pytest.MonkeyPatch, host: str, is_apart: bool
) -> None:
    for name, value in (("HOST", host), ("HTTP_PORT", "9000"), ("MANAGEMENT_PORT", "9000")):
        monkeypatch.setenv(f"POSELIFT_{name}", value)
    with nullcontext() if is_apart else pytest.raises(ValidationError):
        Settings()


def test_settings_are_frozen() -> None:
    with pytest.raises(ValidationError):
        Settings().http_port = 1  # type: ignore[misc]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HTTP_PORT", "eighty"),
        ("HTTP_PORT", "70000"),
        ("MAX_GAP_S", "-1"),
        ("REQUEST_TIMEOUT_S", "inf"),
        ("PROVIDERS", "tpu"),
        ("MAX_BATCH_FRAMES", "0"),
    ],
)
def test_a_bad_value_is_explained_in_one_line(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"POSELIFT_{name}", value)
    with pytest.raises(ValidationError) as mistake:
        Settings()
    line = explain(mistake.value)
    assert f"POSELIFT_{name}={value!r}" in line
    assert "\n" not in line


KNOWN = tuple(map(str.upper, Settings.model_fields))


def test_unknown_variables_are_found_with_the_nearest_name() -> None:
    names = ("HOME", "POSELIFT_HTTP_PORT", "POSELIFT_HTTP_PROT", "POSELIFT_ZZZZZZ")
    small = ("poselift_http_port", "poselift_api_kyes", "POSELIFT_TRAINING_EPOCHS")
    assert unknown_variables(dict.fromkeys([*names, *small], "1"), KNOWN) == {
        "POSELIFT_HTTP_PROT": "POSELIFT_HTTP_PORT",
        "POSELIFT_ZZZZZZ": None,
        "poselift_api_kyes": "POSELIFT_API_KEYS",
    }


SERVICE_LINKS = {
    # As Kubernetes sets them for services called poselift, poselift-redis and poselift-http.
    "POSELIFT_SERVICE_HOST": "10.0.0.11",
    "POSELIFT_SERVICE_PORT": "8000",
    "POSELIFT_SERVICE_PORT_HTTP": "8000",
    "POSELIFT_PORT": "tcp://10.0.0.11:8000",
    "POSELIFT_PORT_8000_TCP": "tcp://10.0.0.11:8000",
    "POSELIFT_PORT_8000_TCP_PROTO": "tcp",
    "POSELIFT_PORT_8000_TCP_PORT": "8000",
    "POSELIFT_PORT_8000_TCP_ADDR": "10.0.0.11",
    "POSELIFT_REDIS_SERVICE_HOST": "fd00::5",
    "POSELIFT_REDIS_SERVICE_PORT": "6379",
    "POSELIFT_REDIS_PORT": "tcp://[fd00::5]:6379",
    "POSELIFT_REDIS_PORT_6379_TCP": "tcp://[fd00::5]:6379",
    "POSELIFT_HTTP_PORT": "tcp://10.0.0.12:80",
    "POSELIFT_GRPC_PORT": "udp://10.0.0.12:80",
    "POSELIFT_MANAGEMENT_PORT": "tcp://10.0.0.12:80",
}


def test_service_links_of_kubernetes_are_let_be(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert not unknown_variables(SERVICE_LINKS, KNOWN)
    for name, value in SERVICE_LINKS.items():
        monkeypatch.setenv(name, value)
    settings = Settings()
    ports = settings.http_port, settings.grpc_port, settings.management_port
    assert ports == (8000, 50051, None)
    # An image's own port of management may be lost so, and its metrics open to callers.
    assert "POSELIFT_MANAGEMENT_PORT is a service link" in caplog.text


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("POSELIFT_HTP_PORT", "8000"),  # no url
        ("POSELIFT_SERVICE_HOST", "example.org"),  # no address
        ("POSELIFT_REDIS_SERVICE_PORT", "redis://host"),
        ("POSELIFT_PORT_8000_TCP_PROTO", "yes"),
        ("POSELIFT_API_KEY", "tcp://10.0.0.11:8000"),
    ],
)
def test_what_only_resembles_a_service_link_is_unknown(name: str, value: str) -> None:
    assert name in unknown_variables({name: value}, KNOWN)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org"])
def test_it_does_not_listen_to_others_without_keys(host: str) -> None:
    with pytest.raises(ValidationError) as mistake:
        Settings(host=host)
    line = explain(mistake.value)
    assert f"POSELIFT_HOST={host} listens to other machines" in line
    assert "POSELIFT_ALLOW_ANONYMOUS=true" in line
    assert Settings(host=host, api_keys=frozenset({"key"})).host == host
    assert Settings(host=host, api_keys_file=Path("keys.toml")).host == host
    assert Settings(host=host, allow_anonymous=True).host == host


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_without_keys_it_listens_to_this_machine(host: str) -> None:
    assert Settings(host=host).host == host


def test_an_explanation_tells_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSELIFT_API_KEYS", "secret")
    monkeypatch.setenv("POSELIFT_HTTP_PORT", "many")
    with pytest.raises(ValidationError) as mistake:
        Settings()
    assert "secret" not in explain(mistake.value)
    monkeypatch.setenv("POSELIFT_API_KEYS", " , ")
    with pytest.raises(ValidationError) as mistake:
        Settings()
    assert "POSELIFT_API_KEYS: names no key" in explain(mistake.value)


def test_every_setting_is_described() -> None:
    (settings,) = ast.parse(inspect.getsource(Settings)).body
    assert isinstance(settings, ast.ClassDef)
    described = {
        field.target.id
        for field, said in itertools.pairwise(settings.body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(said, ast.Expr)
    }
    assert described == set(Settings.model_fields)


def test_a_list_without_keys_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise a typing error would leave the service open to all."""
    monkeypatch.setenv("POSELIFT_API_KEYS", " , ")
    with pytest.raises(ValidationError, match="names no key"):
        Settings()


@pytest.mark.parametrize("key", ["sécret", "se\ncret", "se\x7fcret"])
def test_keys_that_no_client_can_send_are_refused_and_not_told(
    monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setenv("POSELIFT_API_KEYS", f"other,{key}")
    with pytest.raises(ValidationError) as refused:
        Settings()
    told = explain(refused.value)
    assert told.startswith("POSELIFT_API_KEYS: a key has characters that no header")
    assert "cret" not in told
    assert "other" not in told
