"""What to watch of the live streams, in Prometheus' text format, for who may see
all sagas: `GET /metrics`.

The numbers are of this process alone. Where several processes serve, give each an address of its
own and let Prometheus scrape each; through a load balancer one would see now this one, now that.
"""

from typing import Final

from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponse
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from sagas import access, queries
from sagas.conf import conf
from sagas.live import identity
from sagas.non_atomic import non_atomic

REGISTRY: Final = CollectorRegistry()

CONNECTED: Final = Gauge(
    "sagas_streams_connected", "Open streams.", ["transport"], registry=REGISTRY
)
FOLLOWED: Final = Gauge(
    "sagas_streams_followed_sagas", "Sagas that some stream follows.", registry=REGISTRY
)
MESSAGES: Final = Counter(
    "sagas_streams_messages", "Messages sent.", ["transport"], registry=REGISTRY
)
FRAMES: Final = Counter(
    "sagas_streams_frames", "Frames received, by outcome.", ["fate"], registry=REGISTRY
)
CLOSED: Final = Counter(
    "sagas_streams_closed", "Streams that the server closed, by code.", ["code"], registry=REGISTRY
)
SLOW: Final = Counter(
    "sagas_streams_slow_readers", "Readers dropped because they did not read.", registry=REGISTRY
)
PUSHES: Final = Counter("sagas_streams_pushes", "Pushes heard.", registry=REGISTRY)
LAG: Final = Histogram(
    "sagas_streams_lag_seconds",
    "From an event's time, by the database's clock, to its being handed to a stream.",
    registry=REGISTRY,
    # The promise is 0.03 for the median and 0.15 for the 99th percentile: both are borders.
    buckets=(0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10),
)
READ: Final = Histogram(
    "sagas_streams_read_seconds",
    "Duration of one read of the database for all streams of this process.",
    registry=REGISTRY,
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 15),
)
BACKLOG: Final = Gauge(
    "sagas_streams_channel_layer_backlog",
    "Pushes that the channel layer holds for this process: more than a few means it can't keep up.",
    registry=REGISTRY,
)
LAYER_UP: Final = Gauge(
    "sagas_streams_channel_layer_up",
    "1 if this process receives its own pushes; at 0, events come only from checking the database.",
    registry=REGISTRY,
)


RELAY_LAG: Final = Gauge(
    "sagas_relay_lag_seconds",
    "Age of the oldest event that is not on the event bus; for all processes together.",
    registry=REGISTRY,
)
RELAY_WAITING: Final = Gauge(
    "sagas_relay_waiting_events",
    "Events that are not on the event bus; for all processes together.",
    registry=REGISTRY,
)


ATTENTION: Final = Gauge(
    "sagas_attention",
    "Executions that need a person: failed, left_alone (no definition here fits them) and below "
    "(at the top of their tree, with such executions below them only); for all processes together.",
    ["reason"],
    registry=REGISTRY,
)


@non_atomic
async def metrics(request: HttpRequest) -> HttpResponse:
    """200 for who may see all sagas, with a session or a token; 401 and 403 for others."""
    asked = identity.asked_over_http(request)
    found = await sync_to_async(identity.identify)(asked)
    if not isinstance(found, identity.Identity):
        return HttpResponse("Send a token, or log in.\n", "text/plain", status=401)
    if not await sync_to_async(access.policy().may_read_metrics)(found.user):
        return HttpResponse(
            "You need the permission sagas.view_sagaexecution.\n", "text/plain", status=403
        )
    await sync_to_async(_look_at_relay)()
    await sync_to_async(_look_at_attention)()
    return HttpResponse(generate_latest(REGISTRY), content_type=CONTENT_TYPE_PLAIN_0_0_4)


def _look_at_relay() -> None:
    lag = queries.relay_lag() if conf.EVENTS_URL else queries.RelayLag(0.0, 0, 0)
    RELAY_LAG.set(lag.seconds)
    RELAY_WAITING.set(lag.events)


def _look_at_attention() -> None:
    found = queries.counts_of_attention()
    ATTENTION.labels("failed").set(found.failed)
    ATTENTION.labels("left_alone").set(found.left_alone)
    ATTENTION.labels("below").set(found.below)
