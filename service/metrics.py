"""What the service counts, for Prometheus."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Literal, TypeAlias, get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from poselift.card import Card
from poselift.poses import PoseWarning
from service.health import DEGRADED_SAID, READY_SAID, ServiceState

SessionEvent: TypeAlias = Literal["opened", "resumed", "fenced", "refused"]
Process: TypeAlias = Literal["decoding", "store", "worker"]

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_FRAME_SECONDS = (0.002, 0.005, 0.01, 0.015, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)
_LATE_S = 1 / 30
"""The next frame of a usual camera is there by then."""
_OPERATION = ("transport", "operation")
_STREAMS = ("lift_stream",)
"""They last for as long as callers want."""
_BATCHER = ("model", "kind")
_MODEL = ("model", "version", "receptive_field", "causal", "provider")
_ITEMS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
_FRAMES = (16, 64, 256, 512, 1024, 2048, 4096, 8192, 16384)


class Metrics:
    """Every metric of one process, kept in the registry it is given."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        counter, gauge = partial(Counter, registry=registry), partial(Gauge, registry=registry)
        histogram = partial(Histogram, registry=registry)
        said = "Requests answered, by transport, operation and outcome (ok, or the error's slug)."
        # Prometheus takes longer to find a series than to count: they are kept by their labels.
        self._requests = cache(counter("poselift_requests", said, (*_OPERATION, "outcome")).labels)
        said = "Time from a request's arrival to its answer; streams are left out."
        seconds = histogram("poselift_request_seconds", said, _OPERATION, buckets=_SECONDS)
        self._request_seconds = cache(seconds.labels)
        self._frames = counter("poselift_frames_lifted", "Frames lifted.", ("model",))
        said = "Warnings about the input that were told."
        self._warnings = counter("poselift_warnings", said, ("code",))
        said = "Requests with an API key that is not known, or too soon after such ones."
        self._unknown_keys = counter("poselift_unknown_keys", said)
        said = "Requests refused because there was too much to do, by what there was too much of."
        self._overloaded = cache(counter("poselift_overloaded_requests", said, ("reason",)).labels)
        said = "Time of decoding a body, by where: here, or elsewhere in a process of its own."
        self._decode_seconds = histogram(
            "poselift_decode_seconds", said, ("where",), buckets=_SECONDS
        )
        said = "Requests refused with this status before any operation."
        self._unread = counter("poselift_unread_requests", said, ("status",))
        self._restarts = process_restarts(registry)
        said = "Frames accepted and not yet lifted, context and padding included."
        self._queued = gauge("poselift_queued_frames", said, _BATCHER)
        said = "Requests refused because the queue was full."
        self._refused = counter("poselift_refused_requests", said, _BATCHER)
        said = "Pieces of clips run together."
        self._batch_items = histogram("poselift_batch_items", said, _BATCHER, buckets=_ITEMS)
        said = "Frames run together, context and padding included."
        self._batch_frames = histogram("poselift_batch_frames", said, _BATCHER, buckets=_FRAMES)
        said = "Time the oldest piece of a batch waited for its run."
        self._wait_seconds = histogram(
            "poselift_queue_wait_seconds", said, _BATCHER, buckets=_SECONDS
        )
        said = "Time a batch took in the model."
        self._run_seconds = histogram(
            "poselift_batch_run_seconds", said, _BATCHER, buckets=_SECONDS
        )
        said = "Batches the model failed on; their pieces are tried one by one."
        self._failures = counter("poselift_failed_batches", said, _BATCHER)
        said = "Batches of live frames done later than 1/30 s after their oldest frame came."
        self._late_ticks = counter("poselift_late_ticks", said, ("model",))
        self._live_sessions = gauge("poselift_live_sessions", "Live sessions in this process.")
        self._live_people = gauge("poselift_live_people", "People in live sessions.", ("model",))
        said = "Whether the store of live sessions answers: 1 or 0."
        self._store_up = gauge("poselift_session_store_up", said)
        said = "Time from a live frame's arrival to its answer."
        self._frame_seconds = histogram("poselift_live_frame_seconds", said, buckets=_FRAME_SECONDS)
        said = "Live sessions opened, resumed, fenced by another connection, or refused."
        self._session_events = counter("poselift_live_session_events", said, ("event",))
        said = "Time of a round trip to the store of live sessions."
        self._store_seconds = histogram("poselift_session_store_seconds", said, buckets=_SECONDS)
        for event in get_args(SessionEvent):
            self._session_events.labels(event)  # zero is told too, so that the first is a rise
        self._model_info = gauge("poselift_model_info", "One for every model served.", _MODEL)

    def request_answered(
        self, transport: str, operation: str, outcome: str, seconds: float
    ) -> None:
        """Count one answer; ``outcome`` is "ok" or the error's slug."""
        self._requests(transport, operation, outcome).inc()
        if operation not in _STREAMS:
            self._request_seconds(transport, operation).observe(seconds)

    def overloaded(self, reason: str) -> None:
        """Count a request that was refused because there was too much to do."""
        self._overloaded(reason).inc()

    def request_unread(self, status: int) -> None:
        """Count a refusal by no operation: nothing is there, it is unreadable, there is no room."""
        self._unread.labels(status).inc()

    def decoded(self, where: str, seconds: float) -> None:
        """Count a body that was decoded, or turned out to be wrong."""
        self._decode_seconds.labels(where).observe(seconds)

    def process_ended(self, process: Process) -> None:
        """Count a process that ended by itself."""
        self._restarts.labels(process).inc()

    def unknown_key_presented(self) -> None:
        """Count a guess at an API key."""
        self._unknown_keys.inc()

    def model_served(self, card: Card, provider: str) -> None:
        """Announce a model."""
        shape = card.architecture
        about = card.name, card.version, shape.receptive_field, str(shape.causal).lower(), provider
        self._model_info.labels(*about).set(1)

    def frames_lifted(self, model: str, frames: int) -> None:
        """Count frames answered."""
        self.frames_of(model)(frames)

    def frames_of(self, model: str) -> Callable[[float], None]:
        """What counts frames answered of one model."""
        return self._frames.labels(model).inc

    def warned(self, warnings: Sequence[PoseWarning]) -> None:
        """Count warnings told."""
        for warning in warnings:
            self._warnings.labels(warning.code).inc()

    def batches_of(
        self, model: str, kind: Literal["clip", "live", "window"] = "clip"
    ) -> "BatchMetrics":
        """The observer for a model's batcher of clips, of live frames or of windows around them."""
        return BatchMetrics(
            self._queued.labels(model, kind),
            self._refused.labels(model, kind),
            self._batch_items.labels(model, kind),
            self._batch_frames.labels(model, kind),
            self._wait_seconds.labels(model, kind),
            self._run_seconds.labels(model, kind),
            self._failures.labels(model, kind),
            self._late_ticks.labels(model) if kind != "clip" else None,
        )

    def frame_answered(self, seconds: float) -> None:
        """Count a live frame."""
        self._frame_seconds.observe(seconds)

    def session_event(self, event: SessionEvent) -> None:
        """Count what happened to a live session."""
        self._session_events.labels(event).inc()

    def store_answered(self, seconds: float) -> None:
        """Count a round trip to the store of live sessions."""
        self._store_seconds.observe(seconds)

    def watch_process(self, state: ServiceState) -> None:
        """Announce whether it takes requests, does all its work, and how late its event loop is.

        Each scrape asks.
        """
        gauge = partial(Gauge, registry=self.registry)
        gauge("poselift_ready", READY_SAID).set_function(lambda: float(state.ready))
        degraded = gauge("poselift_degraded", DEGRADED_SAID)
        degraded.set_function(lambda: float(not state.ready or bool(state.doubted)))
        said = "The latest the event loop came to its work in the last 15 seconds."
        lag = gauge("poselift_event_loop_lag_seconds", said)
        lag.set_function(lambda: state.pulse.worst_s)

    def watch_requests(
        self, requests: Callable[[], float], body_bytes: Callable[[], float]
    ) -> None:
        """Announce requests in progress and their bodies in memory; each scrape asks."""
        gauge = partial(Gauge, registry=self.registry)
        said = "Requests in progress, and streams that open their session."
        gauge("poselift_requests_in_progress", said).set_function(requests)
        said = "Bytes of bodies in memory."
        gauge("poselift_body_bytes", said).set_function(body_bytes)

    def watch_connections(self, connections: Callable[[], float]) -> None:
        """Announce connections; each scrape asks."""
        said = "Connections to the HTTP port, WebSockets among them."
        gauge = Gauge("poselift_http_connections", said, registry=self.registry)
        gauge.set_function(connections)

    def watch_live(
        self,
        sessions: Callable[[], int],
        is_store_here: Callable[[], bool],
        people: Mapping[str, Callable[[], int]],
    ) -> None:
        """Announce live sessions, and people by model; each scrape asks for what is counted."""
        self._live_sessions.set_function(sessions)
        self._store_up.set_function(lambda: float(is_store_here()))
        for model, count in people.items():
            self._live_people.labels(model).set_function(count)

    def watch_lateness(self, lateness: Callable[[], float]) -> None:
        """Announce how late live frames are; each scrape asks."""
        said = "The part of the time between live frames that they take; 1 at most."
        gauge = Gauge("poselift_live_lateness", said, registry=self.registry)
        gauge.set_function(lateness)


def process_restarts(registry: CollectorRegistry) -> Counter:
    """What counts processes that ended by themselves."""
    said = "Processes of the service that ended by themselves."
    restarts = Counter("poselift_process_restarts", said, ("process",), registry=registry)
    for process in get_args(Process):
        restarts.labels(process)
    return restarts


@dataclass(frozen=True)
class BatchMetrics:
    """One model's ``service.batcher.Observer``."""

    _queued: Gauge
    _refusals: Counter
    _items: Histogram
    _frames: Histogram
    _wait: Histogram
    _run: Histogram
    _failures: Counter
    _late: Counter | None
    """Of batches of live frames, those of sessions that look ahead among them."""

    def watch_load(self, load: Callable[[], float]) -> None:
        """Announce how much is accepted and not yet done; each scrape asks."""
        self._queued.set_function(load)

    def refused(self) -> None:
        """Count a request refused for want of room."""
        self._refusals.inc()

    def batch_done(self, items: int, cost: float, waited_s: float, ran_s: float) -> None:
        """Record a batch that ran."""
        self._items.observe(items)
        self._frames.observe(cost)
        self._wait.observe(waited_s)
        self._run.observe(ran_s)
        if self._late is not None and waited_s + ran_s > _LATE_S:
            self._late.inc()

    def batch_failed(self) -> None:
        """Count a batch that raised."""
        self._failures.inc()
