"""What passes between a saga's context and those of its children: keys, which may be renamed."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sagas.machine.parameters import require_name, require_whole, shown, wrong
from sagas.machine.waiting_steps import require_key

Keys = Sequence[str] | Mapping[str, str]
"""Keys of one context that are copied into another; a mapping renames them: from → to."""


def copied(keys: Keys, source: Mapping[str, Any]) -> dict[str, Any]:
    """What `keys` names in `source`; a key that is not there is left out."""
    pairs = keys.items() if isinstance(keys, Mapping) else ((key, key) for key in keys)
    return {new: source[old] for old, new in pairs if old in source}


def require_child(
    owner: str, parameter: str, saga_type: str, version: int | None, output: Keys
) -> None:
    """Raises `DefinitionError` for what can't name a child's saga, and what it gives back."""
    require_name(owner, parameter, saga_type)
    require_keys(owner, "output", output)
    if version is not None:
        require_whole(owner, "version", version, "Use 1, 2, 3 …, or None for the newest")


def require_keys(owner: str, parameter: str, keys: object) -> None:
    """Raises `DefinitionError` for what is no list of keys, or mapping of keys to others."""
    # A single string is a sequence of one-letter keys, which nobody means.
    if isinstance(keys, str):
        raise wrong(owner, parameter, keys, f"Write a list: [{shown(keys)}].")
    if isinstance(keys, bytes) or not isinstance(keys, Collection):
        advice = "Use a list of the context's keys, or a mapping that renames them."
        raise wrong(owner, parameter, keys, advice)
    given = [*keys, *keys.values()] if isinstance(keys, Mapping) else [*keys]
    for key in given:
        if not isinstance(key, str) or not key or not key.isprintable():
            raise wrong(owner, f"a key in {parameter}", key, "Keys are strings, and not empty.")
    for key in keys.values() if isinstance(keys, Mapping) else keys:
        require_key(owner, f"a key in {parameter}", key)
