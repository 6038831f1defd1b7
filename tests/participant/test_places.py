"""Where the decorators work: function and class-based views, forms, ninja, ATOMIC_REQUESTS."""

import ast
import json
import sys
from types import ModuleType
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template import engines
from django.template.response import TemplateResponse
from django.test import Client, RequestFactory, override_settings
from django.urls import path
from django.utils.decorators import method_decorator
from django.views import View
from ninja import NinjaAPI, Schema

from saga_participant.decorators import compensates, idempotent
from saga_participant.models import Receipt
from saga_participant.requests import idempotency_key
from tests.pages import ROOT
from tests.participant.shop import Shop, effects

pytestmark = pytest.mark.django_db(transaction=True)

KEY = {"Idempotency-Key": "k"}
undone: list[tuple[str, int]] = []


@method_decorator(idempotent("shop.order"), name="post")  # type: ignore[arg-type]  # Django's own stubs want one for streams, too
class OrderView(View):
    def post(self, request: HttpRequest, number: int) -> HttpResponse:
        files = {
            name: [file.read().decode() for file in sent] for name, sent in request.FILES.lists()
        }
        return JsonResponse({"number": number, **request.POST.dict(), **files}, status=201)


@idempotent("shop.page")
def page(request: HttpRequest) -> HttpResponse:
    template = engines["django"].from_string("<p>{{ key }}</p>")
    return TemplateResponse(request, template, {"key": idempotency_key(request)})


class Wanted(Schema):
    cents: int


api = NinjaAPI(urls_namespace="participant")


@api.post("/gifts/{name}")
@idempotent("shop.gift")
def give(request: HttpRequest, name: str, wanted: Wanted) -> HttpResponse:
    return JsonResponse({"gift": f"{name} {wanted.cents}"}, status=201)


@api.post("/gifts/{name}/undo")
@compensates("shop.gift")
def take_back(request: HttpRequest, action: Receipt, name: str, times: int = 1) -> None:
    undone.append((f"{name}: {action.answer()['gift']}", times))


urls = ModuleType("tests.participant.urls")
vars(urls)["urlpatterns"] = [
    path("orders/<int:number>", OrderView.as_view()),
    path("page", page),
    path("api/", api.urls),
    path("charge", Shop().charge),
]
at_urls = override_settings(ROOT_URLCONF=urls)


def send(address: str, body: Any, **more: Any) -> HttpResponse:
    sent = {"content_type": "application/json", "headers": KEY, **more}
    answer: Any = Client().post(address, body, **sent)
    return HttpResponse(answer.content, status=answer.status_code, headers=answer.headers)


@at_urls
@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", None])
def test_a_form_in_a_class_based_view(kind: str | None) -> None:
    """Each attempt of a multipart form may have another boundary, and a file has its content."""

    def submit(text: str, boundary: str) -> HttpResponse:
        if kind:
            return send("/orders/7", f"a={text}", content_type=kind)
        file = SimpleUploadedFile("f.txt", text.encode())
        request = RequestFactory().post("/orders/7", {"a": "1", "f": file}, headers=KEY)
        body = request.body.replace(b"BoUnDaRyStRiNg", boundary.encode())
        form = f"multipart/form-data; boundary={boundary}"
        return send("/orders/7", body, content_type=form)

    first, second, other = submit("x", "one"), submit("x", "two"), submit("y", "one")
    assert (first.status_code, second.content) == (201, first.content)
    assert b'"x"' in first.content
    assert other.status_code == 422


@at_urls
def test_a_template_is_rendered_before_it_is_kept() -> None:
    for _ in range(2):
        answer = send("/page", {})
        assert answer.content == b"<p>k</p>"
        assert answer["Content-Type"] == "text/html; charset=utf-8"


@at_urls
def test_under_ninja() -> None:
    """Path, body and query reach the views; the receipt is none of the request's parameters."""
    given = [send("/api/gifts/book", {"cents": 5}) for _ in range(2)]
    assert [each.content for each in given] == [b'{"gift": "book 5"}'] * 2
    assert send("/api/gifts/book", {"cents": "x"}).status_code == 422
    for _ in range(2):
        headers = {"Idempotency-Key": "c"}
        answer = send("/api/gifts/book/undo?times=3", {"undoes": "k"}, headers=headers)
        assert json.loads(answer.content) == {"undone": True}
    assert undone == [("book: book 5", 3)]
    [parameters] = [
        [each["name"] for each in operation["post"]["parameters"]]
        for address, operation in api.get_openapi_schema()["paths"].items()
        if address.endswith("undo")
    ]
    assert parameters == ["name", "times"]


@at_urls
@pytest.mark.parametrize(
    ("body", "status", "kept", "done"),
    [
        ({}, 201, 1, ["charge"]),
        ({"ask": "return_409"}, 409, 1, []),
        ({"ask": "return_503"}, 503, 0, []),
    ],
)
def test_inside_a_transaction_around_each_request(
    monkeypatch: pytest.MonkeyPatch, body: object, status: int, kept: int, done: list[str]
) -> None:
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    assert send("/charge", body).status_code == status
    assert Receipt.objects.count() == kept
    assert effects() == done


def test_the_kit_needs_nothing_but_django() -> None:
    files = sorted((ROOT / "saga_participant").rglob("*.py"))
    assert len(files) > 8
    for file in files:
        for node in ast.walk(ast.parse(file.read_text())):
            modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            modules += [each.name for each in node.names] if isinstance(node, ast.Import) else []
            for module in modules:
                root = module.split(".")[0]
                assert root in sys.stdlib_module_names | {"django", "saga_participant"}, file
