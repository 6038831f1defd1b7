"""This project under WSGI: `python -m tests.system.under_wsgi PORT`, until SIGTERM."""

import os
import signal
import sys
from wsgiref.simple_server import make_server

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application

if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # as WSGI servers end, with atexit
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.system.settings")
    django.setup()
    settings.MIDDLEWARE = ["sagas.services.lifespan.StayRegistered", *settings.MIDDLEWARE]
    with make_server("127.0.0.1", int(sys.argv[1]), get_wsgi_application()) as server:
        print("listens", flush=True)
        server.serve_forever()
