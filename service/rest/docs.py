"""A page about the interface, made from the OpenAPI document; it loads nothing from elsewhere."""

import json
from collections.abc import Iterator, Mapping
from html import escape
from types import MappingProxyType
from typing import Any

from fastapi import APIRouter, Request, Response

_METHODS = ("get", "post", "delete")
_PATH_EXAMPLES: Mapping[str, str] = MappingProxyType({"session_id": "anna"})
_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em; }
pre { background: #f4f4f4; padding: .7em; overflow-x: auto; font-size: 13px; }
code { font-size: 90%; } summary { cursor: pointer; }
"""


class DocsPage:
    """GET /docs."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document

    def router(self) -> APIRouter:
        """The route to this page."""
        router = APIRouter()
        router.add_api_route("/docs", self.page)
        return router

    async def page(self, request: Request) -> Response:
        """The page, with commands for the address it was asked for at."""
        body = "\n".join(_body(self._document, str(request.base_url).rstrip("/")))
        head = f"<meta charset=utf-8><title>poselift</title><style>{_STYLE}</style>"
        return Response(
            f"<!doctype html><html lang=en><head>{head}</head><body>{body}</body></html>",
            media_type="text/html",
        )


def _body(document: Mapping[str, Any], url: str) -> Iterator[str]:
    info = document["info"]
    yield f"<h1>{escape(info['title'])}</h1><p>{escape(info['description'])}</p>"
    yield '<p>For programs: <a href="openapi.json">openapi.json</a></p>'
    for path, item in document["paths"].items():
        for method in _METHODS:
            if method in item:
                yield from _operation(f"{url}{path}", method, path, item[method])
    yield "<h2>Messages</h2>"
    for name, schema in document["components"]["schemas"].items():
        yield f"<details><summary>{escape(name)}</summary>{_code(schema)}</details>"


def _operation(url: str, method: str, path: str, operation: Mapping[str, Any]) -> Iterator[str]:
    yield f"<h2><code>{method.upper()} {escape(path)}</code></h2>"
    yield f"<p>{escape(operation['summary'])} {escape(operation.get('description', ''))}</p>"
    content = _json_content(operation.get("requestBody", {}))
    for name, example in content.get("examples", {}).items():
        yield f"<h3>{escape(name.capitalize())}</h3>{_curl(url, example['value'])}"
    if "example" in content:
        yield _curl(url.format(**_PATH_EXAMPLES), content["example"])
    answers = ", ".join(
        f"{status} {answer['description']}" for status, answer in operation["responses"].items()
    )
    yield f"<p>Answers: {escape(answers)}</p>"


def _json_content(body: Mapping[str, Any]) -> Mapping[str, Any]:
    content: Mapping[str, Any] = body.get("content", {}).get("application/json", {})
    return content


def _curl(url: str, body: object) -> str:
    command = f"curl {url} -H 'content-type: application/json' -d '{json.dumps(body)}'"
    return f"<pre>{escape(command)}</pre>"


def _code(value: object) -> str:
    return f"<pre>{escape(json.dumps(value, indent=2))}</pre>"
