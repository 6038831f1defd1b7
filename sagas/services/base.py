"""The base of all clients: one HTTP call to a service, with limits on time and size, classified
failures, and writes that are safe to repeat.

A new client is one short class; see `clients.users` and docs/clients.md. The engine repeats failed
calls, under the same key. This module asks another instance only if the first one could not be
connected to, because then nothing was sent.
"""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final
from urllib.parse import urlencode

from sagas import extras

extras.require("services", "sagas.services.base")  # before what it is made of is imported

import requests
from urllib3.exceptions import HTTPError

from sagas.conf import conf
from sagas.services import answers, requesting
from sagas.services.breaker import Open
from sagas.services.calling import idempotency_key, note_write, trace_headers
from sagas.services.errors import (
    NoAnswer,
    ServiceError,
    ServiceRejected,
    ServiceUnavailable,
    ServiceUnreachable,
)
from sagas.services.registry import Instance, RegistryError, UnknownService
from sagas.services.sessions import session
from sagas.services.shared import live

CONNECT_SECONDS: Final = 1.0
"""Until a connection. Services stand in the same network: slower is down."""

ALL_CONNECTS_SECONDS: Final = 1.5
"""After that no other instance is tried. It and the wait for an answer stay below the shortest
timeout of a step in use, so that a slow service is told from a hung worker."""

READ_SECONDS: Final = 2.0
"""Between two bytes of an answer; and from its head to its end, give or take as much."""


@dataclass(frozen=True, slots=True)
class _Call:
    """One call, whichever instance it goes to."""

    service: str
    method: str
    path: str
    request_id: str
    headers: Mapping[str, str]
    body: bytes | None

    def error(
        self, kind: type[ServiceError], reason: str, status: int | None = None, body: bytes = b""
    ) -> ServiceError:
        text = answers.excerpt(body)
        return kind(self.service, self.method, self.path, reason, status, self.request_id, text)


class ServiceClient:
    """Calls one service. Holds no state: any thread may use it.

    The five verbs take a path with `{}` for each of `segments`, and return the service's answer: a
    JSON object, or what `expect` asks for (`list`, `object` for any JSON, `str` for text); None
    for no content. Within a step, a write is sent with the step's idempotency key. Elsewhere it
    needs a `key` that is the same for each repetition.

    They raise `ServiceRejected`, `ServiceUnreachable`, `ServiceUnavailable` and `NoAnswer` (see
    `sagas.services.errors`), and ValueError for a key that is missing, or not the step's.
    """

    service: ClassVar[str]
    """The name in the registry and in the settings. It comes from the code, never from data."""
    tags: ClassVar[tuple[str, ...]] = ()
    """Only instances that have all of them in the registry are called."""
    connect_seconds: ClassVar[float] = CONNECT_SECONDS
    read_seconds: ClassVar[float] = READ_SECONDS

    def get(self, path: str, *segments: object, **options: Any) -> Any:
        """Options: `query` (a mapping), `expect`, `key`."""
        return self._call("GET", path, segments, None, **options)

    def post(self, path: str, *segments: object, body: Any = None, **options: Any) -> Any:
        """Sends `body` as JSON; the service does it once, however often it is sent. Options as in
        `get`."""
        return self._call("POST", path, segments, body, **options)

    def put(self, path: str, *segments: object, body: Any = None, **options: Any) -> Any:
        """As `post`."""
        return self._call("PUT", path, segments, body, **options)

    def patch(self, path: str, *segments: object, body: Any = None, **options: Any) -> Any:
        """As `post`."""
        return self._call("PATCH", path, segments, body, **options)

    def delete(self, path: str, *segments: object, **options: Any) -> Any:
        """As `post`, without a body."""
        return self._call("DELETE", path, segments, None, **options)

    def _call(
        self,
        method: str,
        path: str,
        segments: tuple[object, ...],
        body: Any,
        *,
        query: Mapping[str, object] | None = None,
        expect: type = dict,
        key: str | None = None,
    ) -> Any:
        call = self._prepared(
            method, path, segments, body, query, expect, idempotency_key(method, key)
        )
        try:
            with live().breaker(self.service).guard():
                answer = self._judged(call, expect, *self._sent(call))
            note_write(method)
            return answer
        except NoAnswer:
            note_write(method)
            raise
        except Open:
            raise call.error(
                ServiceUnavailable, "not called for some seconds, because its last calls failed"
            ) from None

    def _prepared(
        self,
        method: str,
        path: str,
        segments: tuple[object, ...],
        body: Any,
        query: Mapping[str, object] | None,
        expect: type,
        key: str | None,
    ) -> _Call:
        """The call, with nothing in it that can't be sent. Raises `ServiceRejected`."""
        request_id = os.urandom(16).hex()
        headers = {"Accept": answers.ACCEPTED[expect], **trace_headers(request_id)}
        try:
            filled = requesting.path(path, segments)
            if api_key := conf.SERVICE_API_KEYS.get(self.service):
                token = requesting.header(f"{self.service.upper()}_API_KEY", api_key)
                headers["Authorization"] = f"Bearer {token}"
            if key is not None:
                headers["Idempotency-Key"] = requesting.header("Idempotency-Key", key)
            content = None
            if body is not None:
                content = requesting.body(body)
                headers["Content-Type"] = "application/json"
        except requesting.NotSendable as error:
            raise ServiceRejected(self.service, method, path, f"not sent: {error}") from error
        if query:
            filled += "?" + urlencode(query)
        return _Call(self.service, method, filled, request_id, headers, content)

    def _sent(self, call: _Call) -> tuple[requests.Response, bytes]:
        """The answer of the first instance to which there is a connection."""
        here = live()
        until = time.monotonic() + ALL_CONNECTS_SECONDS
        tried: set[str] = set()
        missed: ServiceError | None = None
        while (remaining := until - time.monotonic()) > 0:
            try:
                found = here.registry.instances(self.service, self.tags)
            except RegistryError as error:
                kind = (
                    ServiceUnreachable if isinstance(error, UnknownService) else ServiceUnavailable
                )
                raise call.error(kind, str(error)) from error
            instance = here.balancer.choose(found, tried)
            if instance is None:
                break
            try:
                with here.balancer.carrying(instance):
                    return self._exchanged(call, instance, min(self.connect_seconds, remaining))
            except ServiceUnreachable as error:
                here.balancer.leave_alone(instance)
                tried.add(instance.url)
                missed = error
        raise missed or call.error(
            ServiceUnavailable, f"none of its {len(found)} instances is healthy"
        )

    def _exchanged(
        self, call: _Call, instance: Instance, connect_seconds: float
    ) -> tuple[requests.Response, bytes]:
        """What this instance answers. Raises `ServiceUnreachable` or `NoAnswer`."""
        response = None
        try:
            response = session().request(
                call.method,
                instance.url + call.path,
                data=call.body,
                headers=call.headers,
                timeout=(connect_seconds, self.read_seconds),
                allow_redirects=False,
                stream=True,
            )
            return response, answers.read(response, self.read_seconds)
        except (requests.RequestException, HTTPError, answers.Unusable) as error:
            status = None if response is None else response.status_code
            if isinstance(error, answers.Unusable):
                raise call.error(NoAnswer, str(error), status) from error
            is_lost = isinstance(error, requests.RequestException) and answers.was_not_sent(error)
            kind = ServiceUnreachable if is_lost else NoAnswer
            raise call.error(kind, f"{answers.reason(error)} ({instance.url})", status) from error
        finally:
            if response is not None:
                response.close()  # gives an unread connection up; a read one is back in its pool

    def _judged(
        self, call: _Call, expect: type, response: requests.Response, content: bytes
    ) -> Any:
        """What a good answer holds. Raises `ServiceRejected` or `NoAnswer` for any other."""
        status = response.status_code
        if answers.is_refusal(status):
            raise call.error(ServiceRejected, f"refused ({status})", status, content)
        if not 200 <= status < 300:
            raise call.error(NoAnswer, f"answered {status}, which is of no use", status, content)
        try:
            return answers.parse(response.headers.get("Content-Type", ""), content, expect)
        except answers.Unusable as error:
            raise call.error(NoAnswer, str(error), status, content) from error
