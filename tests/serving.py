"""The service as users run it: a process of its own, found by the line it logs when ready."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

MANAGEMENT = re.compile(r"management on http://[\d.]+:(\d+)")
READY = re.compile(r"ready: https?://([\d.]+):(\d+), gRPC on [\d.]+:(\d+)")


@dataclass
class ServiceProcess:
    """A running service, its ports and what it has logged so far."""

    process: subprocess.Popen[str]
    log: list[str] = field(default_factory=list)
    http_port: int = 0
    grpc_port: int = 0
    management_port: int = 0

    @property
    def url(self) -> str:
        """Where its HTTP interface is."""
        return f"http://127.0.0.1:{self.http_port}"

    @property
    def management_url(self) -> str:
        """Where its management port is."""
        return f"http://127.0.0.1:{self.management_port}"

    def stop(self, timeout_s: float = 30) -> int:
        """Send SIGTERM and wait; the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout_s)

    def read_log(self) -> None:
        """Keep reading the log, so that the process never blocks on writing it."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.log.append(line)

    def log_says(self, text: str, after: int = 0, timeout_s: float = 60) -> None:
        """Wait until the log has this text, in a line after as many."""
        until = time.monotonic() + timeout_s
        while not any(text in line for line in self.log[after:]):
            assert time.monotonic() < until, "".join(self.log)
            time.sleep(0.02)

    def wait_until_ready(self, at_lines: str = "") -> None:
        """Read the log up to the ready line; raises RuntimeError if the process ends before.

        The signal of this name, if any, is sent after each line.
        """
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.log.append(line)
            if at_lines:
                self.process.send_signal(signal.Signals[at_lines])
            if match := MANAGEMENT.search(line):
                self.management_port = int(match[1])
            if match := READY.search(line):
                self.http_port, self.grpc_port = int(match[2]), int(match[3])
                return
        raise RuntimeError("the service did not start:\n" + "".join(self.log))


def launch(
    models_dir: Path, settings: Mapping[str, str], program: Sequence[str] = ("-m", "service")
) -> subprocess.Popen[str]:
    """Start the service on free ports; ``settings`` are named without their prefix."""
    ours = {"MODELS_DIR": str(models_dir), "HTTP_PORT": "0", "GRPC_PORT": "0"}
    # Where many tests run at a time, all takes long: nothing is refused for that but as told.
    ours |= {"LAME_DUCK_S": "0", "MAX_WAIT_S": "60", "MAX_LIVE_LATENESS": "1", **settings}
    inherited = {name: text for name, text in os.environ.items() if name[:9] != "POSELIFT_"}
    environment = inherited | {f"POSELIFT_{name}": text for name, text in ours.items()}
    return subprocess.Popen(
        [sys.executable, *program], env=environment, stderr=subprocess.PIPE, text=True
    )


@contextmanager
def service_process(
    models_dir: Path,
    *,
    program: Sequence[str] = ("-m", "service"),
    at_lines: str = "",
    **settings: str,
) -> Iterator[ServiceProcess]:
    """A service that is ready to be used, and gone afterwards; ``program`` runs it by Python.

    It is sent the signal of the name ``at_lines`` after each line that it logs until then.
    """
    process = launch(models_dir, settings, program)
    service = ServiceProcess(process)
    try:
        service.wait_until_ready(at_lines)
        reader = threading.Thread(target=service.read_log, daemon=True)
        reader.start()
        yield service
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if process.stderr is not None:
            process.stderr.close()


def descendants(pid: int) -> list[int]:
    """All processes below one."""
    listed = Path(f"/proc/{pid}/task").glob("*/children")
    children = [int(child) for file in listed for child in file.read_text().split()]
    return children + [each for child in children for each in descendants(child)]


def busy_decoders(pid: int) -> list[int]:
    """Processes of a service that decode a body right now."""
    return [
        each
        for each in descendants(pid)
        if "multiprocessing.spawn" in program(each) and _is_running(each)
    ]


def _is_running(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "R"


def stores(pid: int) -> list[int]:
    """The private session store of a service, as long as it has one."""
    named = {each: program(each).partition(" ")[0] for each in descendants(pid)}
    return [each for each, name in named.items() if name.endswith("valkey-server")]


def program(pid: int) -> str:
    """What a process runs."""
    return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
