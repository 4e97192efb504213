"""What every transport is given: the use cases, and how to treat callers."""

from dataclasses import dataclass, field

from service.addresses import Network
from service.engine import Engine
from service.health import ServiceState
from service.intake import Intake
from service.keys import KeyRing, Keys
from service.live.registry import LiveSessions
from service.metrics import Metrics
from service.request_errors import NotFound
from service.shares import Shares
from service.siblings import Siblings
from service.traces import Tracer
from service.validation import Limits
from service.wire.decoding import Decoder
from service.wire.served_formats import SERVED_FORMATS
from service.wire.video_uploads import VideoUploads
from service.wire.wire_format import WireFormat


@dataclass(frozen=True)
class ServiceContext:
    """The dependencies of a transport."""

    engine: Engine
    limits: Limits
    metrics: Metrics
    state: ServiceState
    decoder: Decoder
    keys: Keys = field(default_factory=lambda: Keys(KeyRing()))
    """Keys that open the service; with none it is open to all."""
    shares: Shares = field(default_factory=Shares)
    """What all requests share."""
    intake: Intake = field(default_factory=Intake)
    """The lift requests in progress, and who may come in."""
    request_timeout_s: float = 60.0
    """The longest a request may take where the caller gives no earlier deadline."""
    slow_reader_s: float = 30.0
    """After how long of not reading its answers a caller's connection is ended."""
    sessions: LiveSessions | None = None
    """Live sessions, where a model with a graph for live frames is served."""
    converter: Decoder | None = None
    """What reads the files of callers, where that is switched on: a process of its own."""
    video_uploads: VideoUploads | None = None
    """What finds people in the videos of callers, where that is switched on."""
    trusted_proxies: tuple[Network, ...] = ()
    """Those whose word is taken for where callers are."""
    allowed_origins: tuple[str, ...] = ()
    """Origins of pages that may ask, besides the service's own; ``*`` for all."""
    allowed_hosts: tuple[str, ...] | None = None
    """The names under which the service may be asked, besides loopback ones; None for any."""
    describes_http: bool = True
    """Whether HTTP serves its document, and the page that shows it."""
    describes_rpc: bool = True
    """Whether gRPC has reflection."""
    is_managed: bool = False
    """Whether metrics are on the management port, and not on that of requests."""
    siblings: Siblings | None = None
    """All workers, where there are several."""
    tracer: Tracer | None = None
    """Where requests are traced."""
    formats: tuple[WireFormat, ...] = SERVED_FORMATS
    """The wire formats that callers may choose from; the first where they choose none."""

    @property
    def file_converter(self) -> Decoder:
        """What reads the files of callers.

        Raises:
            NotFound: that is off here.
        """
        if self.converter is None:
            raise NotFound("files are not converted here; POSELIFT_CONVERT=true switches it on")
        return self.converter

    @property
    def videos(self) -> VideoUploads:
        """What finds people in the videos of callers.

        Raises:
            NotFound: that is off here.
        """
        if self.video_uploads is None:
            raise NotFound("videos are not read here; POSELIFT_DETECT=true switches it on")
        return self.video_uploads

    @property
    def live(self) -> LiveSessions:
        """The live sessions.

        Raises:
            NotFound: there are none here.
        """
        if self.sessions is None:
            raise NotFound(
                "live sessions need a causal model, or a symmetric one with a window graph; "
                "none is served here"
            )
        return self.sessions
