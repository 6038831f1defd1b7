"""Which definitions this process knows: explicit, (type, version) → `Saga`.

Apps put theirs at the top level of their `sagas.py`; `discover` finds them when Django starts.
Several versions of a type stand side by side: an execution keeps the one it was started with (S12).
"""

from collections.abc import Iterator, Sequence
from importlib import import_module

from django.apps import apps
from django.utils.module_loading import module_has_submodule

from sagas import forms, typed_context
from sagas.errors import BadInput, UnknownSaga
from sagas.machine import DefinitionError, Saga


class Registry:
    def __init__(self) -> None:
        self._sagas: dict[tuple[str, int], Saga] = {}

    def __iter__(self) -> Iterator[Saga]:
        return iter(self._sagas.values())

    def add(self, saga: Saga) -> None:
        """Makes `saga` known. Raises `DefinitionError` if another has its type and version."""
        typed_context.check(saga)
        forms.check(saga)
        known = self._sagas.setdefault((saga.saga_type, saga.version), saga)
        if known is not saga:
            raise DefinitionError(
                f"Two sagas are named {saga.saga_type!r}, version {saga.version}. Give the "
                f"newer one the next version; running executions keep the old one."
            )
        for items in saga.item_sagas:
            self.add(items)

    def find(self, saga_type: str, version: int) -> Saga | None:
        """The definition of that type and version, if it is known."""
        return self._sagas.get((saga_type, version))

    def fitting(self, saga_type: str, version: int, digest: str) -> Saga | None:
        """The definition by which an execution of that type, version and structure may go on
        (S12); None if the one that is known here has another structure. "" is that of executions
        which were started before it was kept."""
        found = self._sagas.get((saga_type, version))
        return found if found is None or digest in ("", found.digest) else None

    def of_structure(self, saga_type: str, digest: str) -> Saga | None:
        """A definition of that type and structure, in any version, if one is known."""
        found = (saga for saga in self if (saga.saga_type, saga.digest) == (saga_type, digest))
        return next(found, None)

    def why_unfit(self, saga_id: str, saga_type: str, version: int, digest: str) -> str:
        """Why an execution can't go on in this process, and what to do about it; empty if it
        can."""
        known = self.find(saga_type, version)
        if known is None:
            return (
                f"{saga_id} is a {saga_type} in version {version}, which this process does not "
                "know, so it is left to one that does. If no process does, deploy the code that "
                f"has it, or move the saga: manage.py saga adopt {saga_id} --version N."
            )
        if digest in ("", known.digest):
            return ""
        return (
            f"{saga_id} was started with another structure of {saga_type}, version {version}, than "
            f"this process has: its own is {digest}, and here is {known.digest}. Steps were "
            "changed under the same version, so the saga is left to a process that has its "
            "structure. If no process does, deploy the code that has it, or move the saga: "
            "manage.py saga adopt "
            f"{saga_id} --version {version}."
        )

    def get(self, saga_type: str, version: int) -> Saga:
        """The definition of that type and version. Raises `UnknownSaga`."""
        found = self.find(saga_type, version)
        if found is None:
            raise UnknownSaga(
                f"No saga {saga_type!r} in version {version} is known here. Deploy the code "
                f"that has it, or keep old versions in sagas.py until their executions have ended."
            )
        return found

    def find_or_newest(self, saga_type: str, version: int | None) -> Saga:
        """The definition of that version, the newest if it is None, as one to be started.

        Raises `UnknownSaga`, and `BadInput` for one that would start itself again, without an end.
        """
        found = self.newest(saga_type) if version is None else self.get(saga_type, version)
        if cycle := self.cycle(found):
            raise BadInput({"saga_type": f"can't be started: {_said(cycle)}"})
        return found

    def cycle(self, saga: Saga) -> list[Saga]:
        """Sagas that start each other in a cycle, if `saga` leads to such; the first of them is
        the last one, too."""
        way, parts, done = [saga], [self._parts(saga)], set[int]()
        while way:
            part = next(parts[-1], None)
            if part is None:
                parts.pop()
                done.add(id(way.pop()))
            elif any(before is part for before in way):
                begins = [before is part for before in way].index(True)
                return [*way[begins:], part]
            elif id(part) not in done:
                way.append(part)
                parts.append(self._parts(part))
        return []

    def _parts(self, saga: Saga) -> Iterator[Saga]:
        """The sagas that steps of `saga` start, as far as they are known."""
        for _, saga_type, version in saga.named_sagas:
            versions = self._versions(saga_type) if version is None else [version]
            part = self.find(saga_type, max(versions, default=0))
            if part is not None:
                yield part

    def _versions(self, saga_type: str) -> list[int]:
        return [version for name, version in self._sagas if name == saga_type]

    def newest(self, saga_type: str) -> Saga:
        """The definition of that type with the highest version. Raises `UnknownSaga`."""
        versions = self._versions(saga_type)
        if not versions:
            known = ", ".join(sorted({name for name, _ in self._sagas})) or "none"
            raise UnknownSaga(f"No saga of type {saga_type!r} is known. Known: {known}.")
        return self._sagas[saga_type, max(versions)]

    def discover(self) -> None:
        """Adds every `Saga` at the top level of an installed app's `sagas.py`."""
        for app in apps.get_app_configs():
            if app.module is not None and module_has_submodule(app.module, "sagas"):
                for value in vars(import_module(f"{app.name}.sagas")).values():
                    if isinstance(value, Saga):
                        self.add(value)
        self.check_parts()

    def check_parts(self) -> None:
        """Raises `DefinitionError` for a step that names a saga that is not known: an execution
        that reached it could not go on. And for sagas that start each other in a cycle."""
        for saga in self:
            if cycle := self.cycle(saga):
                raise DefinitionError(f"Saga {saga.saga_type!r}: {_said(cycle)}")
            for name, saga_type, version in saga.named_sagas:
                try:
                    self.find_or_newest(saga_type, version)
                except UnknownSaga as error:
                    raise DefinitionError(
                        f"Saga {saga.saga_type!r}, step {name!r}: {error}"
                    ) from error


def _said(cycle: Sequence[Saga]) -> str:
    way = " → ".join(f"{saga.saga_type} (version {saga.version})" for saga in cycle)
    return f"sagas start each other in an endless cycle. Break it: {way}."


registry = Registry()
