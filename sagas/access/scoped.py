"""The policy of the project, for tokens whose scopes are narrower than what their users may do."""

from functools import lru_cache
from typing import Any

from django.db.models import QuerySet
from django.utils.module_loading import import_string

from sagas.access.policy import Policy, right_for
from sagas.access.rights import Reach, Right
from sagas.access.scopes import within_scopes
from sagas.access.tasks import Doers
from sagas.conf import conf
from sagas.machine import Adopt, Operation, WaitFor
from sagas.models import SagaExecution, SagaTask


def policy() -> Policy:
    """The one that the project has chosen."""
    return _made(conf.ACCESS_POLICY)


@lru_cache(maxsize=8)
def _made(path: str) -> Policy:
    return ScopedPolicy(import_string(path)())


class ScopedPolicy(Policy):
    """Refuses what the scopes don't cover, and asks the project's policy about the rest."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy

    def reach(self, user: Any, right: Right) -> Reach:
        return self._policy.reach(user, right).within(within_scopes(user, right))

    def visible(self, user: Any, right: Right = Right.VIEW) -> QuerySet[SagaExecution]:
        found = self._policy.visible(user, right)
        scope = within_scopes(user, right)
        return found if scope.is_all else found.filter(scope.condition())

    def owns(self, user: Any, found: SagaExecution) -> bool:
        return self._policy.owns(user, found)

    def may_view(self, user: Any, found: SagaExecution) -> bool:
        covers = within_scopes(user, Right.VIEW).covers(found.saga_type)
        return covers and self._policy.may_view(user, found)

    def may_read_words(self, user: Any, found: SagaExecution) -> bool:
        return self._policy.may_read_words(user, found)

    def may_start(self, user: Any, saga_type: str) -> bool:
        covers = within_scopes(user, Right.START).covers(saga_type)
        return covers and self._policy.may_start(user, saga_type)

    def may_operate(
        self, user: Any, found: SagaExecution, operation: type[Operation | Adopt]
    ) -> bool:
        covers = within_scopes(user, right_for(operation)).covers(found.saga_type)
        return covers and self._policy.may_operate(user, found, operation)

    def may_signal(self, user: Any, found: SagaExecution, name: str) -> bool:
        covers = within_scopes(user, Right.OPERATE).covers(found.saga_type)
        return covers and self._policy.may_signal(user, found, name)

    def doers(self, user: Any, saga_type: str, wait: WaitFor) -> Doers:
        return self._policy.doers(user, saga_type, wait)

    def tasks(self, user: Any) -> QuerySet[SagaTask]:
        found = self._policy.tasks(user)
        scope = within_scopes(user, Right.OPERATE)
        return found if scope.is_all else found.filter(scope.condition())

    def has_permission(self, user: Any, permission: str) -> bool:
        return self._policy.has_permission(user, permission)

    def may_read_metrics(self, user: Any) -> bool:
        return within_scopes(user, Right.VIEW).is_all and self._policy.may_read_metrics(user)
