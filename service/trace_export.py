"""Sends traces to an OpenTelemetry collector, by OTLP over HTTP.

Imported only where there is one: the SDK takes memory and a thread.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from opentelemetry import context as contexts
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from service.error_table import INTERNAL
from service.logs import ids
from service.traces import tracer_here

_LAST_SPANS_S = 3.0
"""How long the end of the service waits for a collector to take what is left."""
_NANOSECONDS = 1_000_000_000


@contextmanager
def exporting() -> Iterator["OtlpTracer"]:
    """Send what is traced, to where OpenTelemetry's own variables say."""
    named = Resource.create({"service.name": "poselift"}).merge(OTELResourceDetector().detect())
    provider = TracerProvider(resource=named, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    try:
        yield OtlpTracer(provider.get_tracer("poselift"))
    finally:
        # A collector that is away must not hold up the end.
        ending = threading.Thread(target=provider.shutdown, daemon=True)
        ending.start()
        ending.join(_LAST_SPANS_S)


class OtlpTracer:
    """See ``service.traces.Tracer``."""

    def __init__(self, tracer: trace.Tracer) -> None:
        self._tracer = tracer
        self._callers = TraceContextTextMapPropagator()

    def begin(self, name: str, callers: Mapping[str, str]) -> Callable[[str], None]:
        """Begin the span of a request; its context ends with it."""
        within = self._callers.extract(callers, Context())
        span = self._tracer.start_span(name, within, trace.SpanKind.SERVER)
        span.set_attributes({f"poselift.{about}": known for about, known in ids().items()})
        self._enter(span)

        def end(outcome: str) -> None:
            span.set_attribute("poselift.outcome", outcome)
            if outcome == INTERNAL.slug:
                span.set_status(trace.StatusCode.ERROR)
            span.end()

        return end

    @contextmanager
    def frame(self) -> Iterator[None]:
        """Trace one frame."""
        stream, streams = contexts.get_current(), tracer_here.get()
        link = trace.Link(trace.get_current_span().get_span_context())
        span = self._tracer.start_span("lift_frame", Context(), links=[link])
        self._enter(span)
        try:
            yield
        finally:
            contexts.attach(stream)
            tracer_here.set(streams)
            span.end()

    @contextmanager
    def span(self, name: str) -> Iterator[None]:
        """Trace some work."""
        # Errors say what callers sent: they are not for traces.
        with self._tracer.start_as_current_span(
            name, record_exception=False, set_status_on_exception=False
        ):
            yield

    def batched(self, queued_s: float, began_s: float, ended_s: float) -> None:
        """Trace the wait for a batch and its run."""
        since_s = time.time() - time.monotonic()  # event loops count from the same moment
        queued, began, ended = (
            int((at_s + since_s) * _NANOSECONDS) for at_s in (queued_s, began_s, ended_s)
        )
        self._tracer.start_span("queue_wait", start_time=queued).end(began)
        self._tracer.start_span("batch_run", start_time=began).end(ended)

    def _enter(self, span: trace.Span) -> None:
        """Make a span current; those that are not sampled have none within them."""
        contexts.attach(trace.set_span_in_context(span, Context()))
        tracer_here.set(self if span.is_recording() else None)
