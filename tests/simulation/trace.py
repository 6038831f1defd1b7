"""What happened, line by line, and a hash of all of it: the same seed gives the same one."""

import hashlib


class Trace:
    def __init__(self) -> None:
        self._lines: list[tuple[str, str]] = []
        self._hash = hashlib.sha256()

    def add(self, line: str, saga_id: str) -> None:
        """`saga_id` is the saga that the line is about, or empty."""
        self._lines.append((saga_id, line))
        self._hash.update(f"{saga_id} {line}\n".encode())

    def mix_in(self, choice: str) -> None:
        """Something that is worth no line, but whose order the hash must tell."""
        self._hash.update(choice.encode())

    @property
    def digest(self) -> str:
        return self._hash.hexdigest()

    def lines(self) -> list[str]:
        return [f"{saga_id or '-':8} {line}" for saga_id, line in self._lines]

    def lines_of(self, saga_id: str) -> list[str]:
        """What happened to one saga, and what happened to all of them."""
        return [line for about, line in self._lines if about in (saga_id, "")]


def joined(digests: list[str]) -> str:
    """One hash for those of many worlds, in their order."""
    return hashlib.sha256("".join(digests).encode()).hexdigest()
