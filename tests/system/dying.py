"""Starts many sagas at once: `python -m tests.system.dying WHAT COUNT KILLERS`.

WHAT is `sagas`, so many of which kill their process; `items` of one saga, likewise; `warm`, none of
which does; or `busy`, of a third of a second.
"""

import sys


def start(what: str, count: int, killers: int) -> None:
    from sagas import engine

    each = [{"dies": number * killers % count < killers} for number in range(count)]
    if what == "items":
        engine.start("mortals", {"items": each})
    else:
        saga_type = "busy" if what == "busy" else "mortal"
        new = [engine.NewSaga(context, f"{what}-{number}") for number, context in enumerate(each)]
        engine.start_many(saga_type, new)


if __name__ == "__main__":
    import django

    django.setup()
    start(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
