"""Whoever only owns a saga is not told the words of staff and of services, wherever it is shown."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from sagas import access, engine
from sagas.live import event_feed
from sagas.live.event_feed import EventFeed
from sagas.live.progress import opened, progress
from sagas.live.threads import in_news_thread, in_thread
from sagas.machine import Direction, Failure, FailureKind
from sagas.models import SagaEvent
from tests.api.conftest import Caller
from tests.api.scenes import ALL, succeed
from tests.engine.driving import claim

pytestmark = pytest.mark.django_db(transaction=True)

SECRETS = ("bernadette", "the customer is a nuisance", "stock-7.internal: disk full")


@pytest.fixture(autouse=True)
def undone(define: Any, alice: Caller) -> None:
    """Hers: paused, resumed and called off by staff, after a service had failed."""
    for saga in ALL:
        define(saga)
    who, why, error = SECRETS
    by = {"by": who, "reason": why}
    shop = engine.start("shop", {}, saga_id="s-1", owner_id=alice.user.pk).execution_id
    succeed(shop, "reserve")
    engine.pause("s-1", **by)
    engine.resume("s-1", **by)
    engine.fail(claim(shop, "charge"), Failure(FailureKind.REJECTED, "OSError", error))
    engine.fail(
        claim(shop, "reserve", Direction.COMPENSATION),
        Failure(FailureKind.UNKNOWN, "OSError", error),
    )


def told(text: str) -> set[str]:
    return {secret for secret in SECRETS if secret in text}


READS: dict[str, Callable[[Caller], str]] = {
    "one": lambda who: who.get("sagas/s-1").content.decode(),
    "events": lambda who: who.get("sagas/s-1/events").content.decode(),
    "list": lambda who: who.get("sagas").content.decode(),
    "way back": lambda who: who.get("sagas/s-1/way-back").content.decode(),
    "started again": lambda who: who.post(
        "sagas", {"saga_type": "shop", "context": {}, "saga_id": "s-1"}
    ).content.decode(),
    "refused": lambda who: who.post("sagas/s-1/signals/no", {"payload": 1}).content.decode(),
}


@pytest.mark.parametrize("read", READS)
def test_an_owner_is_told_no_words(read: str, alice: Caller) -> None:
    assert told(READS[read](alice)) == set()


def test_who_may_see_all_is_told_them(boss: Caller) -> None:
    assert told(READS["one"](boss)) == {SECRETS[2]}
    assert told(READS["events"](boss)) == set(SECRETS)


def test_an_owner_with_the_permission_is_told_them(alice: Caller) -> None:
    alice.allow("view:trip")
    assert told(READS["events"](alice)) == set()
    alice.allow("view:shop")
    assert told(READS["events"](alice)) == set(SECRETS)


def test_what_happened_is_told_without_them(alice: Caller, boss: Caller) -> None:
    """The same events, with the names of the errors."""
    hers, all_ = (who.get("sagas/s-1/events").json()["events"] for who in (alice, boss))
    assert [event["type"] for event in hers] == [event["type"] for event in all_]
    failures = [event["data"]["failure"] for event in hers if event["data"].get("failure")]
    assert {failure["error"] for failure in failures} == {"OSError"}
    assert SagaEvent.objects.filter(type="saga.paused", data__by=SECRETS[0]).exists(), "it is kept"


@pytest.mark.parametrize("is_owner", [True, False])
def test_a_stream_tells_what_its_follower_may_read(
    is_owner: bool, alice: Caller, boss: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_feed, "LOOK_INTERVAL", 0.01)
    user = (alice if is_owner else boss).user

    async def read() -> str:
        saga = await opened("s-1", user)
        texts = []
        async for message in progress(EventFeed(), saga, 0):
            texts.append(message.text)
            if json.loads(message.text).get("seq") == saga.last_seq:
                break
        for run_in in (in_thread, in_news_thread):
            await run_in(lambda: connection.close())()
        return "".join(texts)

    assert told(asyncio.run(read())) == (set() if is_owner else set(SECRETS))


class OpenBook(access.Policy):
    def may_read_words(self, user: Any, found: Any) -> bool:
        return True


def test_a_project_may_tell_them_to_owners(alice: Caller, settings: Any) -> None:
    settings.SAGAS = {**settings.SAGAS, "ACCESS_POLICY": f"{__name__}.OpenBook"}
    assert told(READS["events"](alice)) == set(SECRETS)
