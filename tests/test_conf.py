"""`SAGAS`: every key has a default and a check, and the reference page is made of both."""

from pathlib import Path
from typing import Any

import pytest
from celery import current_app
from django.apps import apps
from django.conf import LazySettings

from sagas.conf import conf
from sagas.conf.checks import check_settings
from sagas.conf.page import page
from sagas.conf.reference import DATABASE_LIMITS, SETTINGS

REFERENCE = Path(__file__).resolve().parent.parent / "docs" / "settings-reference.md"


def test_the_reference_page_is_made_of_the_settings() -> None:
    stale = "docs/settings-reference.md is stale: run `make docs`."
    assert REFERENCE.read_text() == page(), stale


def test_without_any_setting_each_key_has_a_valid_default(settings: LazySettings) -> None:
    del settings.SAGAS
    assert check_settings() == []
    for name, setting in SETTINGS.items():
        assert setting.accepts(setting.default), name
        assert setting.accepts(getattr(conf, name)), name


def test_the_bus_is_celerys_broker_if_its_app_is_installed(
    settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.SAGAS = {}
    assert conf.EVENTS_URL == settings.CELERY_BROKER_URL
    monkeypatch.setattr(apps, "is_installed", lambda name: name != "sagas.bus")
    settings.SAGAS = {}
    assert conf.EVENTS_URL == ""


def test_several_addresses_of_celerys_broker_are_one_url(
    settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.SAGAS = {}
    monkeypatch.delenv("CELERY_BROKER_URL")  # Celery believes it rather than its setting
    for given in (["redis://one", "redis://two"], "redis://one;redis://two"):
        monkeypatch.setitem(current_app.conf, "broker_url", given)
        assert conf.EVENTS_URL == "redis://one;redis://two", "not what was read before"


def test_behind_a_pooler_the_engine_says_its_limits_itself(settings: LazySettings) -> None:
    settings.SAGAS = {"POOLER": "session"}
    assert conf.DATABASE_LIMITS == DATABASE_LIMITS
    settings.SAGAS = {}
    assert conf.DATABASE_LIMITS == {}


def test_a_name_that_is_no_setting_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no key 'QUEUES'"):
        _ = conf.QUEUES


@pytest.mark.parametrize(
    ("sagas", "id", "hint"),
    [
        ("QUEUE", "sagas.E030", "SAGAS = {"),
        (None, "sagas.E030", "SAGAS = {"),
        ({"QUEUES": "x"}, "sagas.E031", "'QUEUE'"),
        ({1: "x"}, "sagas.E031", "The keys are"),
        ({"QUEUE": ""}, "sagas.E032", "the name of a queue"),
        ({"QUEUE": None}, "sagas.E032", "the name of a queue"),
        ({"INLINE_STEPS": 0}, "sagas.E032", "1 to 10,000"),
        ({"INLINE_STEPS": True}, "sagas.E032", "1 to 10,000"),
        ({"INLINE_MS": "100"}, "sagas.E032", "0 to 60,000"),
        ({"POOLER": "statement"}, "sagas.E032", "transaction"),
        ({"POOLER": []}, "sagas.E032", "transaction"),
        ({"EVENTS_VISIBILITY_TIMEOUT": float("nan")}, "sagas.E032", "seconds"),
        ({"EVENTS_URL": 5}, "sagas.E032", "a URL"),
        ({"SERVICE_URLS": {"users": None}}, "sagas.E032", "a dict of strings"),
        ({"SERVICE_NETWORKS": "10.0.0.0/8"}, "sagas.E032", "networks"),
        ({"SERVICE_NETWORKS": ["10.0.0.1/8"]}, "sagas.E032", "networks"),
        ({"CONSUL": {"HTTP_ADDR": 1}}, "sagas.E032", "a dict of strings"),
        ({"CONSUL": {"HTTP_ADRR": "c:1"}}, "sagas.E032", "HTTP_ADDR"),
    ],
)
def test_what_is_wrong_is_named(settings: LazySettings, sagas: Any, id: str, hint: str) -> None:
    settings.SAGAS = sagas
    [message] = check_settings()
    assert message.id == id
    assert hint in str(message.hint)
    assert len(message.msg) < 200
