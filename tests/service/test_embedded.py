"""The private server: it answers, restarts, and leaves no files."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from service import embedded
from service.embedded import EmbeddedServer
from service.request_errors import StoreError

MEMORY = 64 * 1024 * 1024


@asynccontextmanager
async def running(*options):
    server = EmbeddedServer(MEMORY, options)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


def path_of(server):
    return Path(server.url.removeprefix("unix://"))


def ask(path, question=b"PING\r\n"):
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(5)
        client.connect(str(path))
        client.sendall(question)
        return client.recv(4096)


def server_pid(path):
    found = ask(path, b"INFO server\r\n").decode()
    return int(next(line for line in found.splitlines() if line.startswith("process_id:"))[11:])


def is_alive(pid):
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat")
        return not state.exists() or state.read_text().rsplit(")", 1)[1].split()[0] != "Z"
    return False


def guard_pid(server):
    return server._process.pid


def has_come_back(path, former_pid):
    with suppress(OSError):
        return server_pid(path) != former_pid
    return False


async def until(condition, timeout_s=10):
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 - the process has no event to wait for
            await asyncio.sleep(0.05)


async def test_it_answers_on_a_private_socket_and_on_no_port():
    async with running() as server:
        path = path_of(server)
        assert ask(path) == b"+PONG\r\n"
        assert path.parent.stat().st_mode & 0o777 == 0o700
        assert b"\r\n0\r\n" in ask(path, b"CONFIG GET port\r\n")
        assert b"noeviction" in ask(path, b"CONFIG GET maxmemory-policy\r\n")


async def test_stopping_leaves_no_files_and_may_be_repeated():
    async with running() as server:
        path = path_of(server)
        pid = server_pid(path)
        await server.stop()
        assert not path.parent.exists()
        assert not is_alive(pid)
        await server.stop()


async def test_stopping_takes_bounded_time_whatever_hangs(monkeypatch):
    monkeypatch.setattr(embedded, "_STOP_TIMEOUT_S", 0.5)
    async with running() as server:
        pid = server_pid(path_of(server))
        for process in (guard_pid(server), pid):
            os.kill(process, signal.SIGSTOP)
        async with asyncio.timeout(5):
            await server.stop()
        await until(lambda: not is_alive(pid))


async def test_a_server_that_died_is_restarted_at_the_same_address(caplog):
    async with running() as server:
        path = path_of(server)
        pid = server_pid(path)
        (path.parent / "log").unlink()  # as a program that removes temporary files may
        os.kill(pid, signal.SIGKILL)
        await until(lambda: has_come_back(path, pid))
    assert "ended with status" in caplog.text


async def test_a_server_is_replaced_when_its_guard_dies():
    async with running() as server:
        path = path_of(server)
        pid = server_pid(path)
        os.kill(guard_pid(server), signal.SIGKILL)
        await until(lambda: has_come_back(path, pid))
        assert not is_alive(pid)


async def test_a_server_that_does_not_answer_is_replaced(monkeypatch, tmp_path):
    monkeypatch.setattr(embedded, "_START_TIMEOUT_S", 2.0)
    real, binary = embedded._binary(), tmp_path / "valkey-server"
    binary.symlink_to(real)
    monkeypatch.setattr(embedded, "_binary", lambda: binary)
    async with running() as server:
        path = path_of(server)
        pid = server_pid(path)
        binary.unlink()
        binary.write_text(f"#!/bin/sh\ntouch {tmp_path}/hangs\nexec sleep 60\n")
        binary.chmod(0o700)
        os.kill(pid, signal.SIGKILL)
        await until((tmp_path / "hangs").exists)
        binary.unlink()
        binary.symlink_to(real)
        await until(lambda: has_come_back(path, pid))


async def test_an_interrupt_from_the_terminal_does_not_reach_it():
    async with running() as server:
        pid = server_pid(path_of(server))
        assert os.getsid(pid) == os.getsid(guard_pid(server)) != os.getsid(0)
        os.kill(guard_pid(server), signal.SIGINT)
        await asyncio.sleep(0.2)
        assert server_pid(path_of(server)) == pid


def test_it_ends_with_a_service_that_is_killed(tmp_path):
    program = (
        "import asyncio\n"
        "from service.embedded import EmbeddedServer\n"
        "async def main():\n"
        f"    server = EmbeddedServer({MEMORY})\n"
        "    await server.start()\n"
        "    print(server.url, flush=True)\n"
        "    await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        pid = server_pid(parent.stdout.readline().strip().removeprefix("unix://"))
        parent.kill()
    deadline = time.monotonic() + 10
    while is_alive(pid):
        assert time.monotonic() < deadline
        time.sleep(0.05)


async def test_a_server_that_does_not_start_says_why():
    with pytest.raises(StoreError, match=r"did not start.*no-such-option"):
        async with running("--no-such-option", "1"):
            pass


async def test_an_unusable_folder_is_a_clear_error(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "absent"))
    with pytest.raises(StoreError, match=r"cannot be started.*absent"):
        async with running():
            pass


async def test_a_missing_server_error_names_the_setting(monkeypatch):
    monkeypatch.setattr(embedded, "_PACKAGE", "no-such-package")
    with pytest.raises(StoreError, match="set POSELIFT_REDIS_URL"):
        async with running():
            pass
