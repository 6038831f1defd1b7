"""What may be sent: nothing that somebody's data put there can change where it goes or what it
says."""

import json
import re
from functools import lru_cache
from typing import Any, Final
from urllib.parse import quote

TEMPLATE: Final = re.compile(r"(/([A-Za-z0-9_~-]|\{\}|\.(?!\.?(/|$)))+)+/?|/")
"""A path as code writes it, with `{}` for each segment out of data. No "//", no segment "." or
"..", no "?", "#", "%", and nothing beyond ASCII: what was built out of data, and not by `{}`, ends
here."""

HEADER_VALUE: Final = re.compile(r"[!-~]{1,400}")
"""What this sends as a value of a header: visible ASCII (RFC 9110 5.5), so no line can end;
and as long as the key of a grandchild's compensation may be."""

NOT_IN_SEGMENT: Final = re.compile(r"[/\\\x00-\x1f\x7f]")
"""What is refused in a segment even in its encoded form: many servers decode it before they look
for the slashes."""


class NotSendable(ValueError):
    """It can't be sent as it is meant; says why."""


def path(template: str, segments: tuple[object, ...]) -> str:
    """`template` with each `{}` replaced by the next of `segments`, encoded. Raises `NotSendable`
    for what would name another path."""
    parts = _parts(template)
    if len(parts) != len(segments) + 1:
        raise NotSendable(f"the path {template!r} and {len(segments)} segments don't fit")
    filled = [parts[0]]
    for value, part in zip(segments, parts[1:], strict=True):
        filled += segment(str(value)), part
    return "".join(filled)


@lru_cache(maxsize=1024)
def _parts(template: str) -> list[str]:
    if not TEMPLATE.fullmatch(template):
        raise NotSendable(
            f"{template!r} is not a path: write it as '/users/{{}}', and pass what is not a part "
            f"of the code as segments or in query="
        )
    return template.split("{}")


def segment(value: str) -> str:
    """`value` as one segment of a path. Raises `NotSendable` for "", "." and "..", which are none,
    and for what a server may take for more than one."""
    if value in ("", ".", "..") or NOT_IN_SEGMENT.search(value):
        raise NotSendable(f"{value!r} can't be a part of a path: it could name another one")
    try:
        return quote(value, safe="")
    except UnicodeEncodeError:
        raise NotSendable(f"{value!r} can't be a part of a path: it is not Unicode") from None


def header(name: str, value: str) -> str:
    """`value`, if it can be the value of a header. Raises `NotSendable`."""
    if not HEADER_VALUE.fullmatch(value):
        raise NotSendable(
            f"the value of {name} can't be sent: use 1 to 400 visible characters of ASCII"
        )
    return value


def body(value: Any) -> bytes:
    """`value` as JSON. Raises `NotSendable`."""
    try:
        return json.dumps(value, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise NotSendable(f"its body is not JSON: {error}") from error
