"""`python -m sagas.devserver.project`: what a project's settings say, as one line of JSON.

The settings ask for servers, and an edit may break them: the process that started the servers reads
neither them nor the project's code, so it asks in a process of its own.
"""

import json
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from typing import Final

CELERY_MODULE: Final = "celery_app"


@dataclass(frozen=True)
class Project:
    """`asgi` is like `mysite.asgi.application`, empty without; `celery` what `celery -A` takes,
    empty if none is found; `database` and `host` those of the default database."""

    asgi: str
    celery: str
    database: str
    host: str

    @classmethod
    def parse(cls, printed: str) -> "Project":
        """What `main` printed; the project's own code may have printed something before."""
        return cls(**json.loads(printed.strip().splitlines()[-1]))


def read() -> Project:
    """Raises what the project's settings and apps raise when they are loaded."""
    import django
    from django.conf import settings

    django.setup()
    default = settings.DATABASES.get("default", {})
    asgi = settings.ASGI_APPLICATION if find_spec("uvicorn") else None
    package = settings.SETTINGS_MODULE.partition(".")[0]
    return Project(
        asgi=asgi or "",
        celery=_celery(package),
        database=str(default.get("NAME", "")),
        host=str(default.get("HOST", "")),
    )


def _celery(package: str) -> str:
    """Where the project's Celery application is: `celery_app`, or `mysite/celery.py`."""
    if find_spec(CELERY_MODULE):
        return CELERY_MODULE
    return package if find_spec(f"{package}.celery") else ""


if __name__ == "__main__":
    print(json.dumps(asdict(read())))
