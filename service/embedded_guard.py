"""Runs a server for as long as its standard input stays open; run as a script, not imported.

The service holds the other end: however the service dies, kill -9 included, the pipe closes and
the server is stopped. Nothing but the standard library's lightest parts is imported.
"""

import os
import signal
import subprocess
import sys
import threading


def main() -> int:
    """Run the command line that follows; the exit status is the server's."""
    # Ctrl-C is for the service, which drains first and then closes the pipe.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # The server stays in this process's group, so that the service can kill both at once.
    server = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)  # noqa: S603
    signal.signal(signal.SIGTERM, lambda *_: server.terminate())

    def stop_with_service() -> None:
        while os.read(0, 1024):
            pass
        server.terminate()
        try:
            server.wait(2)
        except subprocess.TimeoutExpired:
            server.kill()

    threading.Thread(target=stop_with_service, daemon=True).start()
    return server.wait()


if __name__ == "__main__":
    sys.exit(main())
