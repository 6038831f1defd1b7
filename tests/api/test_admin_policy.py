"""The admin asks the policy: which executions it shows, and which of them it acts on."""

from collections.abc import Callable

import pytest
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.test import Client

from sagas.models import SagaExecution
from tests.api.test_admin import LIST, _sagas, somebody, start  # noqa: F401  (fixtures)
from tests.engine.driving import row

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_permission_for_one_type_shows_and_acts_on_that_type(
    somebody: Callable[..., Client],  # noqa: F811  (the fixture)
) -> None:
    permission, is_new = Permission.objects.get_or_create(
        codename="operate:shop", content_type=ContentType.objects.get_for_model(SagaExecution)
    )
    client = somebody("clerk", "operate:shop")
    shop, other = start("s-1"), start("t-1", "approval")
    listed = client.get(LIST).text
    assert "s-1" in listed
    assert "t-1" not in listed
    assert 'value="cancel"' in listed
    assert 'value="adopt"' not in listed, "that takes sagas.administer:shop"
    assert client.get(f"{LIST}{other}/change/").status_code == 302, "as for one that is not there"
    sent = {"action": "pause", ACTION_CHECKBOX_NAME: [shop, other], "confirmed": "1", "reason": "x"}
    client.post(LIST, sent)
    assert (row(shop).paused, row(other).paused) == (True, False)
    if is_new:
        permission.delete()  # the rows outlive a test
