"""Where HTTP requests carry their API key."""

from fastapi import Request

from service.gate import presented_key


def api_key(request: Request) -> str | None:
    """The API key given, if any."""
    headers = request.headers
    return presented_key(headers.get("authorization"), headers.get("x-api-key"))
