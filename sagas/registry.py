"""Which definitions this process knows: explicit, (type, version) → `Saga`.

Apps put theirs at the top level of their `sagas.py`; `discover` finds them when Django starts.
Several versions of a type stand side by side: an execution keeps the one it was started with (S12).
"""

from collections.abc import Iterator
from importlib import import_module

from django.apps import apps
from django.utils.module_loading import module_has_submodule

from sagas.errors import UnknownSaga
from sagas.machine import DefinitionError, Saga, SubSaga


class Registry:
    def __init__(self) -> None:
        self._sagas: dict[tuple[str, int], Saga] = {}

    def __iter__(self) -> Iterator[Saga]:
        return iter(self._sagas.values())

    def add(self, saga: Saga) -> None:
        """Makes `saga` known. Raises `DefinitionError` if another has its type and version."""
        known = self._sagas.setdefault((saga.saga_type, saga.version), saga)
        if known is not saga:
            raise DefinitionError(
                f"Two sagas are named {saga.saga_type!r}, version {saga.version}. Give the "
                f"newer one the next version; running executions keep the old one."
            )
        for items in saga.item_sagas:
            self._sagas.setdefault((items.saga_type, items.version), items)

    def find(self, saga_type: str, version: int) -> Saga | None:
        """The definition of that type and version, if it is known."""
        return self._sagas.get((saga_type, version))

    def get(self, saga_type: str, version: int) -> Saga:
        """The definition of that type and version. Raises `UnknownSaga`."""
        found = self.find(saga_type, version)
        if found is None:
            raise UnknownSaga(
                f"No saga {saga_type!r} in version {version} is known here. Deploy the code "
                f"that has it, or keep old versions in sagas.py until their executions ended."
            )
        return found

    def find_or_newest(self, saga_type: str, version: int | None) -> Saga:
        """The definition of that version; the newest if it is None. Raises `UnknownSaga`."""
        return self.newest(saga_type) if version is None else self.get(saga_type, version)

    def newest(self, saga_type: str) -> Saga:
        """The definition of that type with the highest version. Raises `UnknownSaga`."""
        versions = [version for name, version in self._sagas if name == saga_type]
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
        that reached it could not go on."""
        for saga in self:
            for step in saga.by_name.values():
                if isinstance(step, SubSaga):
                    try:
                        self.find_or_newest(step.saga_type, step.version)
                    except UnknownSaga as error:
                        raise DefinitionError(
                            f"Saga {saga.saga_type!r}, step {step.name!r}: {error}"
                        ) from error


registry = Registry()
