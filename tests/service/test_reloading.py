"""Files that change while the service starts, and SIGHUP at any time."""

import asyncio
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
import trustme

from service.keys import KeyRing, hash_of
from service.machine import prepared_machine
from service.rest.server import HttpTransport
from service.settings import Settings
from service.worker import work
from tests.serving import descendants, program, service_process, stores


def write_key(file: Path, key: str) -> None:
    file.write_text(f'[[keys]]\nname = "clinic"\nsha256 = "{hash_of(key)}"\n')


def write_certificate(file: Path) -> None:
    trustme.CA().issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(file)


async def test_files_replaced_after_they_were_first_read_hold(models: Path, tmp_path: Path) -> None:
    keys, certificate = tmp_path / "keys.toml", tmp_path / "tls.pem"
    write_key(keys, "withdrawn")
    write_certificate(certificate)
    settings = Settings(
        models_dir=models,
        http_port=0,
        threads=1,
        api_keys_file=keys,
        tls_certificate=certificate,
        tls_key=certificate,
    )
    async with prepared_machine(settings) as machine:
        assert machine.tls is not None
        first = machine.tls.http
        write_key(keys, "new")
        write_certificate(certificate)
        machine.announce = lambda _: signal.raise_signal(signal.SIGINT)
        async with asyncio.timeout(60):
            await work(machine, (HttpTransport,))
        assert machine.keys.ring == KeyRing.of_file(keys)
        assert machine.tls.http is not first


@pytest.mark.parametrize("workers", ["1", "2"])
def test_sighup_ends_nothing_however_early(models: Path, workers: str) -> None:
    settings = {"WORKERS": workers, "MANAGEMENT_PORT": "0"}
    with service_process(models, at_lines="SIGHUP", **settings) as service:
        kept = stores(service.process.pid)
        assert kept
        parts = descendants(service.process.pid)
        decoding = [each for each in parts if "multiprocessing.spawn" in program(each)]
        assert len(decoding) == int(workers)
        lines = len(service.log)
        service.process.send_signal(signal.SIGHUP)
        keeper = map(int, re.findall(r"the keeper is process (\d+)", "".join(service.log)))
        for each in (*keeper, *decoding):
            os.kill(each, signal.SIGHUP)  # as a terminal does
        said = f"[worker={workers}] SIGHUP: no file" if workers == "2" else "SIGHUP: no file"
        service.log_says(said, lines)
        assert httpx.get(f"{service.management_url}/readyz").json() == {"status": "ready"}
        assert stores(service.process.pid) == kept
        assert set(decoding) < set(descendants(service.process.pid))
        assert service.stop() == 0
        assert not any("ended with status" in line for line in service.log)


def test_sighup_is_ignored_before_all_is_imported() -> None:
    code = (
        "import runpy, signal, sys\n"
        "signal.signal(signal.SIGHUP, signal.SIG_DFL)\n"
        "sys.addaudithook(lambda event, told: event == 'import' and told[0] == 'grpc'"
        " and print(signal.getsignal(signal.SIGHUP).name))\n"
        "runpy.run_module('service', run_name='__main__')\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"POSELIFT_MISSPELT": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 2, ended.stderr
    assert ended.stdout.split()[0] == "SIG_IGN"
