"""Settings from the environment: defaults, forms of values, and error messages."""

import os

import pytest
from pydantic import ValidationError

from service.settings import Settings, explain, unknown_variables


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


def test_unknown_variables_are_logged_with_the_nearest_name() -> None:
    assert unknown_variables(
        ["HOME", "POSELIFT_HTTP_PORT", "POSELIFT_HTTP_PROT", "POSELIFT_ZZZZZZ"]
    ) == {"POSELIFT_HTTP_PROT": "POSELIFT_HTTP_PORT", "POSELIFT_ZZZZZZ": None}


def test_every_setting_is_described() -> None:
    for name, field in Settings.model_fields.items():
        assert field.description, name


def test_a_list_without_keys_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise a typing error would leave the service open to all."""
    monkeypatch.setenv("POSELIFT_API_KEYS", " , ")
    with pytest.raises(ValidationError, match="names no key"):
        Settings()
