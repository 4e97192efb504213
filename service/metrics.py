"""What the service counts, for Prometheus."""

from collections.abc import Callable, Mapping
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from poselift.card import Card

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_ITEMS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
_FRAMES = (16, 64, 256, 512, 1024, 2048, 4096, 8192, 16384)


class Metrics:
    """Every metric of one process, kept in the registry it is given."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self._requests = Counter(
            "poselift_requests",
            "Requests answered, by transport, operation and outcome (ok, or the error's slug).",
            ("transport", "operation", "outcome"),
            registry=registry,
        )
        self._request_seconds = Histogram(
            "poselift_request_seconds",
            "Time from a request's arrival to its answer.",
            ("transport", "operation"),
            buckets=_SECONDS,
            registry=registry,
        )
        self._frames = Counter(
            "poselift_frames_lifted", "Frames lifted.", ("model",), registry=registry
        )
        self._queued = Gauge(
            "poselift_queued_frames",
            "Frames accepted and not yet lifted, context and padding included.",
            ("model", "kind"),
            registry=registry,
        )
        self._refused = Counter(
            "poselift_refused_requests",
            "Requests refused because the queue was full.",
            ("model", "kind"),
            registry=registry,
        )
        self._batch_items = Histogram(
            "poselift_batch_items",
            "Pieces of clips run together.",
            ("model", "kind"),
            buckets=_ITEMS,
            registry=registry,
        )
        self._batch_frames = Histogram(
            "poselift_batch_frames",
            "Frames run together, context and padding included.",
            ("model", "kind"),
            buckets=_FRAMES,
            registry=registry,
        )
        self._wait_seconds = Histogram(
            "poselift_queue_wait_seconds",
            "Time the oldest piece of a batch waited for its run.",
            ("model", "kind"),
            buckets=_SECONDS,
            registry=registry,
        )
        self._run_seconds = Histogram(
            "poselift_batch_run_seconds",
            "Time a batch took in the model.",
            ("model", "kind"),
            buckets=_SECONDS,
            registry=registry,
        )
        self._failures = Counter(
            "poselift_failed_batches",
            "Batches the model failed on; their pieces are tried one by one.",
            ("model", "kind"),
            registry=registry,
        )
        self._live_sessions = Gauge(
            "poselift_live_sessions", "Live sessions in this process.", registry=registry
        )
        self._live_people = Gauge(
            "poselift_live_people", "People in live sessions.", ("model",), registry=registry
        )
        self._store_up = Gauge(
            "poselift_session_store_up",
            "Whether the store of live sessions answers: 1 or 0.",
            registry=registry,
        )
        self._model_info = Gauge(
            "poselift_model_info",
            "One for every model served.",
            ("model", "version", "receptive_field", "causal", "provider"),
            registry=registry,
        )

    def request_answered(
        self, transport: str, operation: str, outcome: str, seconds: float
    ) -> None:
        """Count one answer; ``outcome`` is "ok" or the error's slug."""
        self._requests.labels(transport, operation, outcome).inc()
        self._request_seconds.labels(transport, operation).observe(seconds)

    def model_served(self, card: Card, provider: str) -> None:
        """Announce a model."""
        shape = card.architecture
        self._model_info.labels(
            card.name,
            card.version,
            str(shape.receptive_field),
            str(shape.causal).lower(),
            provider,
        ).set(1)

    def frames_lifted(self, model: str, frames: int) -> None:
        """Count frames answered."""
        self._frames.labels(model).inc(frames)

    def batches_of(
        self, model: str, kind: Literal["clip", "live", "window"] = "clip"
    ) -> "BatchMetrics":
        """The observer for a model's batcher of clips, of live frames or of windows around them."""
        return BatchMetrics(
            queued=self._queued.labels(model, kind),
            refusals=self._refused.labels(model, kind),
            items=self._batch_items.labels(model, kind),
            frames=self._batch_frames.labels(model, kind),
            wait=self._wait_seconds.labels(model, kind),
            run=self._run_seconds.labels(model, kind),
            failures=self._failures.labels(model, kind),
        )

    def watch_live(
        self,
        sessions: Callable[[], int],
        is_store_here: Callable[[], bool],
        people: Mapping[str, Callable[[], int]],
    ) -> None:
        """Announce live sessions: what is counted is asked for whenever somebody looks.

        Args:
            sessions: how many there are.
            is_store_here: whether the session store answers.
            people: by model, how many people are in them.
        """
        self._live_sessions.set_function(sessions)
        self._store_up.set_function(lambda: float(is_store_here()))
        for model, count in people.items():
            self._live_people.labels(model).set_function(count)


class BatchMetrics:
    """One model's ``service.batcher.Observer``."""

    def __init__(
        self,
        queued: Gauge,
        refusals: Counter,
        items: Histogram,
        frames: Histogram,
        wait: Histogram,
        run: Histogram,
        failures: Counter,
    ) -> None:
        self._queued = queued
        self._refusals = refusals
        self._items = items
        self._frames = frames
        self._wait = wait
        self._run = run
        self._failures = failures

    def load_changed(self, admitted_cost: float) -> None:
        """Record how much is accepted and not yet done."""
        self._queued.set(admitted_cost)

    def refused(self) -> None:
        """Count a request refused for want of room."""
        self._refusals.inc()

    def batch_done(self, items: int, cost: float, waited_s: float, ran_s: float) -> None:
        """Record a batch that ran."""
        self._items.observe(items)
        self._frames.observe(cost)
        self._wait.observe(waited_s)
        self._run.observe(ran_s)

    def batch_failed(self) -> None:
        """Count a batch that raised."""
        self._failures.inc()
