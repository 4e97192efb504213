"""Keys with names: their file, guesses slowed down, and what a running service makes of changes."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from service.keys import KeyFileError, KeyRing, Keys, Quotas, hash_of
from service.request_errors import Forbidden, Overloaded
from tests.live.clients import TRANSPORTS, Ended, opened, stream
from tests.serving import service_process

HERE = "203.0.113.7"


def entry(name: str, key: str) -> str:
    return f'[[keys]]\nname = "{name}"\nsha256 = "{hash_of(key)}"\n'


@pytest.fixture
def key_file(tmp_path: Path) -> Callable[[str], Path]:
    def written(content: str) -> Path:
        file = tmp_path / "keys.toml"
        file.write_text(content)
        return file

    return written


def test_a_name_may_have_several_keys_and_quotas(key_file: Callable[[str], Path]) -> None:
    quotas = "[quotas.clinic]\nconcurrent_requests = 8\nrequests_per_s = 2.5\n"
    ring = KeyRing.of_file(key_file(entry("clinic", "old") + entry("clinic", "new") + quotas))
    old, new = ring.holder_of("old"), ring.holder_of("new")
    assert old == new
    assert old is not None
    assert old.name == "clinic"
    assert old.quotas == Quotas(concurrent_requests=8, requests_per_s=2.5)
    assert ring.holder_of("other") is None


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "keys"),
        ("keys = []", "keys"),
        ("[[keys]", "line 1"),
        (entry("no space", "key"), "keys.0.name"),
        ('[[keys]]\nname = "anna"\nsha256 = "poselift_secret"', "keys.0.sha256"),
        (entry("anna", "key") * 2, "the key of anna is in it twice"),
        (entry("anna", "key") + "[quotas.ana]\nlive_people = 1", "quotas.ana: no key has this"),
        (entry("anna", "key") + "[quotas.anna]\npersons = 1", "quotas.anna.persons"),
        (entry("anna", "key") + "[quotas.anna]\nlive_people = 0", "quotas.anna.live_people"),
    ],
)
def test_a_file_that_is_wrong_says_where(
    key_file: Callable[[str], Path], content: str, said: str
) -> None:
    with pytest.raises(KeyFileError, match=r"keys\.toml") as mistake:
        KeyRing.of_file(key_file(content))
    assert said in str(mistake.value)
    assert "secret" not in str(mistake.value)


def test_guesses_are_slowed_down_for_their_address_alone() -> None:
    now = [0.0]
    keys = Keys(KeyRing.of_keys({"right", "other"}), now_s=lambda: now[0])
    keys.holder_of("right", HERE)
    for _ in range(20):
        with pytest.raises(Forbidden):
            keys.holder_of("wrong", HERE)
    for key in ("wrong", "other"):  # which of them is right is not told
        with pytest.raises(Overloaded) as refused:
            keys.holder_of(key, HERE)
        assert refused.value.retry_after_s == pytest.approx(3)
        assert refused.value.reason == "guesses"
    keys.holder_of("right", HERE)  # who was let in before is not locked out
    keys.holder_of("other", "198.51.100.1")
    now[0] += 3
    keys.holder_of("other", HERE)
    with pytest.raises(Forbidden):
        keys.holder_of("wrong", HERE)
    with pytest.raises(Overloaded):
        keys.holder_of("wrong", HERE)


def test_what_is_remembered_of_guesses_is_bounded() -> None:
    keys = Keys(KeyRing.of_keys({"right"}))
    for number in range(11_000):
        with pytest.raises(Forbidden):
            keys.holder_of("wrong", f"10.0.{number // 256}.{number % 256}")
    assert len(keys._guesses) == 10_000


def make_key(name: str, file: Path) -> str:
    command = [sys.executable, "-m", "service.new_key", name, str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_command_makes_keys_that_open(tmp_path: Path) -> None:
    file = tmp_path / "keys.toml"
    first, second = make_key("clinic", file), make_key("clinic", file)
    assert file.stat().st_mode & 0o777 == 0o600
    assert first not in file.read_text()
    ring = KeyRing.of_file(file)
    for key in (first, second):
        holder = ring.holder_of(key)
        assert holder is not None
        assert holder.name == "clinic"


@pytest.mark.parametrize(("name", "status"), [("two words", 2), ("anna", 1)])
def test_the_command_adds_nothing_to_a_wrong_file(tmp_path: Path, name: str, status: int) -> None:
    file = tmp_path / "keys.toml"
    file.write_text("[[keys]")
    command = [sys.executable, "-m", "service.new_key", name, str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == status
    assert "Traceback" not in done.stderr
    assert file.read_text() == "[[keys]"


async def test_keys_are_read_again_and_sessions_go_on_with_a_new_one(
    models: Path, tmp_path: Path
) -> None:
    file = tmp_path / "keys.toml"
    file.write_text(entry("clinic", "old") + entry("lab", "lab's"))
    with service_process(models, LIVE_MODEL="causal", API_KEYS_FILE=str(file)) as service:
        async with stream(service, "websocket-json", key="old") as live:
            session_id = (await opened(live))["session_id"]
        async with stream(service, "grpc", key="lab's") as of_lab:
            await opened(of_lab)

            file.write_text("[[keys]")
            await asyncio.to_thread(service.log_says, "the API keys stay as they were")
            file.write_text(entry("clinic", "new"))
            await asyncio.to_thread(service.log_says, "the API keys were read again")

            assert "notice" in await of_lab.receive()
            with pytest.raises(Ended) as ended:
                await of_lab.receive()
            assert ended.value.code == "PERMISSION_DENIED"
        for transport in TRANSPORTS:
            async with stream(service, transport, key="new") as live:
                assert (await opened(live, session_id=session_id))["session_id"] == session_id
            async with stream(service, transport, key="old") as live:
                with pytest.raises(Ended):
                    await opened(live)
        async with httpx.AsyncClient(base_url=service.url) as client:
            answer = await client.get("/v1/models", headers={"x-api-key": "old"})
            assert answer.status_code == 403
            assert "poselift_unknown_keys_total 4.0" in (await client.get("/metrics")).text
            guesses = [
                await client.get("/v1/models", headers={"x-api-key": "?"}) for _ in range(40)
            ]
            assert [each.status_code for each in guesses[:10]] == [403] * 10
            assert guesses[-1].status_code == 429
            assert int(guesses[-1].headers["retry-after"]) > 0
            counted = 'poselift_overloaded_requests_total{reason="guesses"}'
            assert counted in (await client.get("/metrics")).text
        lines = len(service.log)
        service.process.send_signal(signal.SIGHUP)
        await asyncio.to_thread(service.log_says, "the API keys were read again", lines)
        assert service.stop() == 0


def test_a_wrong_key_file_is_a_one_line_error(models: Path, tmp_path: Path) -> None:
    with (
        pytest.raises(RuntimeError, match=r"cannot start: .*absent.toml"),
        service_process(models, API_KEYS_FILE=str(tmp_path / "absent.toml")),
    ):
        pass
