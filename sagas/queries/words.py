"""The words of staff and of services in what is read: who did something and why, and the messages
of errors. Whoever only owns a saga is not told them: they may name colleagues, or hold what another
system says of itself."""

from collections.abc import Mapping
from typing import Any, Final

_WORDS: Final = ("by", "reason", "message")


def without_words(data: Mapping[str, Any]) -> dict[str, Any]:
    """The data of an event, or an error, with empty texts for them."""
    kept = {key: "" if key in _WORDS else value for key, value in data.items()}
    failure = data.get("failure")
    return kept | {"failure": without_words(failure)} if isinstance(failure, Mapping) else kept
