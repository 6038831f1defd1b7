"""Starts sagas some of which kill their process: `python -m tests.system.dying WHAT COUNT KILLERS`.

WHAT is `warm` (none of them does), `sagas`, or `items` of one saga.
"""

import sys


def start(what: str, count: int, killers: int) -> None:
    from sagas import engine

    each = [{"dies": number * killers % count < killers} for number in range(count)]
    if what == "items":
        engine.start("mortals", {"items": each})
    else:
        new = [engine.NewSaga(context, f"{what}-{number}") for number, context in enumerate(each)]
        engine.start_many("mortal", new)


if __name__ == "__main__":
    import django

    django.setup()
    start(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
