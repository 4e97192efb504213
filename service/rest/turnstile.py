"""Refusals of lift requests before anything is begun for them: no task, no route, no body.

At several times as many requests as can be answered, most of what the event loop does is to refuse
them, and those let in wait for it. So the check that ``service.handlers.lift_handler`` makes again
of what it is given is made here first, as soon as a request's head is read.
"""

from fastapi import Response
from starlette.datastructures import Headers
from starlette.types import Scope

from poselift.errors import PoseliftError
from service.admission import Admitted, Attempt, caller_of, deadline_of
from service.context import ServiceContext
from service.handlers import lift_handler
from service.logs import REQUEST_ID, begin_request
from service.rest.errors import answer_to
from service.rest.lift import LIFT_PATH
from service.rest.media import negotiated
from service.rest.middleware import address_in, declared_size, key_in, timeout_in
from service.traces import continue_trace


class Turnstile:
    """Refuses what would wait for too long, with the answer that it would get later."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def refusal(self, scope: Scope) -> Response | None:
        """The answer to a request that is refused; None lets it in, or leaves it to others.

        Requests of pages are: their answers need headers that browsers ask for.
        """
        context = self._context
        if scope["path"] != LIFT_PATH or scope["method"] != "POST" or not context.intake.is_busy:
            return None
        headers, siblings = Headers(scope=scope), context.siblings
        if "origin" in headers:
            return None
        if siblings is not None and siblings.loads.less_loaded() is not None:
            return None  # ``Relays`` passes it on
        address, label = address_in(scope, context.trusted_proxies), ""
        try:
            caller = caller_of(context, key_in(scope), address)
            label = caller.label
            asked = Admitted(caller, deadline_of(context, timeout_in(scope)))
            given = negotiated(headers, context.formats).given
            lift_handler.expect(context, declared_size(headers), given, asked)
        except PoseliftError as error:
            request_id = begin_request(headers.get(REQUEST_ID))
            continue_trace(headers)
            Attempt(context, "http", "lift", address, label).end(error)
            answer = answer_to(error)
            answer.headers[REQUEST_ID] = request_id
            return answer
        return None
