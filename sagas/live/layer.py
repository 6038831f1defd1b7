"""The channel layer, if there is one. Pushes only hurry: without any, streams are late by no more
than their looks at the database are apart (`sagas.live.event_feed.LOOK_INTERVAL`)."""

import logging
from functools import cache
from typing import Any

from channels.layers import get_channel_layer

logger = logging.getLogger(__name__)


def channel_layer() -> Any | None:
    """The default one; None if there is none, or none that can be made, which is said once."""
    try:
        found = get_channel_layer()
    except Exception as error:
        _say(f"the default layer of CHANNEL_LAYERS can't be made: {error!r}")
        return None
    if found is None:
        _say("CHANNEL_LAYERS has no default layer")
    return found


@cache
def _say(why: str) -> None:
    logger.warning("No pushes: %s. Streams check the database every two seconds.", why)
