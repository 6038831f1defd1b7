"""One session for each process and thread. Two processes must not share a connection, and a
`requests.Session` is not made for two threads."""

import os
import threading
from http.cookiejar import DefaultCookiePolicy
from typing import Final

import requests

from sagas.services.networks import CheckedAdapter

POOLS: Final = 64
"""Hosts to which a thread keeps a connection: all instances of all services that it calls. With
fewer, a call would open a connection each time that the choice falls on another one."""

_local = threading.local()


def session() -> requests.Session:
    """This thread's session, made after any fork.

    It takes no proxies and no .netrc from the environment, keeps no cookies, and retries nothing.
    """
    if getattr(_local, "pid", None) != os.getpid():
        _local.session, _local.pid = _new_session(), os.getpid()
    found = _local.session
    assert isinstance(found, requests.Session)
    return found


def _new_session() -> requests.Session:
    made = requests.Session()
    made.trust_env = False
    made.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    # A compressed answer could be a thousand times as large as what ANSWER_LIMIT lets through.
    made.headers = requests.structures.CaseInsensitiveDict(
        {"User-Agent": "sagas", "Accept-Encoding": "identity", "Connection": "keep-alive"}
    )
    for scheme in ("http://", "https://"):
        made.mount(scheme, CheckedAdapter(POOLS, pool_maxsize=1, max_retries=0))
    return made
