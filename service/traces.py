"""Traces of requests: where the work for a request is told to a tracer, if there is one.

A request's span belongs to the trace that its caller names in ``traceparent``. Within it are those
of the work for it, as long as it was waited for: ``decode``, ``encode``, ``lift`` with a
``queue_wait`` and a ``batch_run`` for each piece of a clip, ``postprocess``, ``store_append`` and
others of the store. A stream lasts for as long as its caller wants, so each of its frames has a
trace of its own. Spans tell nothing of what was asked.

The tracer of a request is in a context variable: work that finds none there is not traced, at the
cost of looking. ``service.trace_export`` has the one that there is.
"""

from collections.abc import Callable, Coroutine, Mapping
from contextlib import AbstractContextManager, nullcontext
from contextvars import Context, ContextVar
from functools import wraps
from typing import Any, ParamSpec, Protocol, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

TRACE_HEADERS = ("traceparent", "tracestate")


class Tracer(Protocol):
    """Makes spans. What it begins is current in this context until it ends."""

    def begin(self, name: str, callers: Mapping[str, str]) -> Callable[[str], None]:
        """Begin the span of a request, within its caller's; ended by its outcome."""

    def frame(self) -> AbstractContextManager[None]:
        """The trace of one frame, linked to the current span, which is its stream's."""

    def span(self, name: str) -> AbstractContextManager[None]:
        """A span within the current one."""

    def batched(self, queued_s: float, began_s: float, ended_s: float) -> None:
        """Spans of the wait for a batch and of its run; times are those of the event loop."""


tracer_here: ContextVar[Tracer | None] = ContextVar("tracer", default=None)
"""That of the request which is worked on in this context; None where it is not traced."""
_callers: ContextVar[Mapping[str, str] | None] = ContextVar("callers", default=None)


def continue_trace(headers: Mapping[str, str]) -> None:
    """Remember the trace that a caller names, for the request in this context."""
    _callers.set({name: headers[name] for name in TRACE_HEADERS if name in headers})


def begin_span(tracer: Tracer | None, name: str) -> Callable[[str], None]:
    """Begin the span of a request; what is returned ends it: with "ok", or the error's slug."""
    return _end_nothing if tracer is None else tracer.begin(name, _callers.get() or {})


def frame_trace(tracer: Tracer | None) -> AbstractContextManager[None]:
    """The trace of one frame of the stream in this context."""
    return nullcontext() if tracer is None else tracer.frame()


def traced(
    name: str,
) -> Callable[[Callable[P, Coroutine[Any, Any, T]]], Callable[P, Coroutine[Any, Any, T]]]:
    """Give what a function does for a request that is traced a span of its own."""

    def decorated(
        work: Callable[P, Coroutine[Any, Any, T]],
    ) -> Callable[P, Coroutine[Any, Any, T]]:
        @wraps(work)
        def run(*arguments: P.args, **options: P.kwargs) -> Coroutine[Any, Any, T]:
            tracer, doing = tracer_here.get(), work(*arguments, **options)
            return doing if tracer is None else _within(tracer.span(name), doing)

        return run

    return decorated


def tell_batch(context: Context, queued_s: float, began_s: float, ended_s: float) -> None:
    """Tell when an item was queued, whose request has this context, and when its batch ran."""
    if (tracer := context.get(tracer_here)) is not None:
        context.run(tracer.batched, queued_s, began_s, ended_s)


async def _within(span: AbstractContextManager[None], work: Coroutine[Any, Any, T]) -> T:
    with span:
        return await work


def _end_nothing(_: str) -> None:
    pass
