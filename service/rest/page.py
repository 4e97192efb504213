"""The page at /: what ``make page`` built from ``web/``, which asks the API as any client does."""

import os
import re
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

_BUILT = Path(__file__).parents[1] / "page"
_DETECTOR_WORKER = re.compile(r"detector-worker-[\w-]+\.js")
_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self'",
        "connect-src 'self'",  # WebSockets of the same origin included
        "img-src 'self' blob: data:",
        "media-src 'self' blob:",
        "worker-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
_HEADERS = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}
# Workers have a policy of their own: the detector's alone runs WebAssembly.
_WORKER_POLICY = _POLICY.replace("script-src 'self'", "script-src 'self' 'wasm-unsafe-eval'")
_ASKED_EACH_TIME = "no-cache"
_NEVER_CHANGES = "public, max-age=31536000, immutable"


def page_routes() -> list[BaseRoute]:
    """The page and its files, open to all: their names change with what is in them."""
    return [
        Route("/", _page, include_in_schema=False),
        Mount("/page", _Assets(directory=_BUILT / "page", check_dir=False)),
    ]


async def _page(_: Request) -> Response:
    headers = _HEADERS | {"cache-control": _ASKED_EACH_TIME}
    return FileResponse(_BUILT / "index.html", headers=headers)


class _Assets(StaticFiles):
    def file_response(
        self,
        full_path: str | os.PathLike[str],
        stat_result: os.stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers.update(_HEADERS | {"cache-control": _NEVER_CHANGES})
        if _DETECTOR_WORKER.fullmatch(Path(full_path).name):
            response.headers["content-security-policy"] = _WORKER_POLICY
        return response
