"""Puts the live half of a process together: models with live graphs, a store, the sessions."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager

from poselift.runtime.onnx_session import RunOptions
from service.live.live_model import LiveModel
from service.live.registry import LiveSessions
from service.live.session import LiveSettings
from service.live.store import SessionStore
from service.live.store_connection import StoreAway
from service.live.store_server import StoreServer
from service.metrics import Metrics
from service.request_errors import StoreError
from service.served_models import ModelSet
from service.settings import Settings
from service.shares import OwnPlaces, Places
from service.siblings import Siblings, new_session_id


@asynccontextmanager
async def live_sessions(
    models: ModelSet,
    settings: Settings,
    metrics: Metrics,
    store_url: Callable[[], Awaitable[str]],
    siblings: Siblings | None = None,
    places: Callable[[str], Places] = lambda _: OwnPlaces(),
) -> AsyncIterator[LiveSessions | None]:
    """The live sessions of a process, running; None where no model has a step or window graph.

    ``store_url`` tells where sessions are kept; it is called only where there are any.
    ``siblings`` are where other workers have sessions there too; ``places`` makes what counts a
    kind of thing that parties hold.

    Raises:
        ModelError: a step graph cannot be served.
        StoreError: the store does not start or cannot be reached.
    """
    how = RunOptions(settings.providers, settings.strict_providers, settings.threads)
    most = settings.max_live_tracks
    found = [
        LiveModel.load(model, how, most, metrics, places(f"people of {model.card.name}"))
        for model in models
    ]
    live = {model.card.name: model for model in found if model is not None}
    if not live:
        yield None
        return
    async with AsyncExitStack() as stack:
        for model in live.values():
            model.warm_up()
            for batcher in model.batchers:
                batcher.start()
                stack.push_async_callback(batcher.stop, 0)
        store = await _store(
            settings, await store_url(), live.values(), metrics, siblings is not None
        )
        stack.push_async_callback(store.stop)
        limits = LiveSettings(
            settings.max_gap_s,
            settings.max_store_outage_s,
            settings.max_live_sessions,
            settings.max_live_lateness,
            stream_idle_s=settings.session_expiry_s,
        )
        new_id = new_session_id if siblings is None else siblings.new_session_id
        shared = places("sessions"), new_id
        sessions = LiveSessions(models, live, store, limits, metrics.session_event, *shared)
        sessions.start()
        stack.push_async_callback(sessions.drain)
        people = {name: model.people for name, model in live.items()}
        metrics.watch_live(lambda: sessions.count, lambda: sessions.is_store_here, people)
        metrics.watch_lateness(lambda: sessions.lateness)
        yield sessions


async def _store(
    settings: Settings, url: str, models: Iterable[LiveModel], metrics: Metrics, is_shared: bool
) -> SessionStore:
    most_kept = max(model.frames_kept for model in models)
    how = settings.session_expiry_s, most_kept, settings.store_timeout_s
    observe = metrics.store_answered
    try:
        if settings.redis_url is None:
            # Of a private one no other process holds sessions, if there is no other worker.
            settle_s = settings.store_settle_s if is_shared else 0.0
            store = SessionStore(StoreServer(url), *how, settle_s=settle_s, observe=observe)
        else:
            sharing = settings.store_replicas, settings.store_settle_s
            store = SessionStore(_shared_server(settings, url), *how, *sharing, observe=observe)
        await store.start()
    except ValueError as error:
        raise StoreError(f"POSELIFT_REDIS_URL: {error}") from None
    except StoreAway as error:
        # The URL may hold a password, and so it is not repeated.
        raise StoreError(f"the session store (POSELIFT_REDIS_URL) {error}") from None
    return store


def _shared_server(settings: Settings, url: str) -> StoreServer:
    files = settings.redis_ca_file, settings.redis_cert_file, settings.redis_key_file
    return StoreServer(url, settings.redis_sentinels, *files)
