"""`python -m tests.participant.killed KEY`: a service that stops between effect and answer.

It says `in the effect`, and waits there for a line that never comes.
"""

import sys

import django


def main(key: str) -> None:
    django.setup()
    from tests.participant.shop import Shop, post

    def stand_still(key: str) -> None:
        print("in the effect", flush=True)
        sys.stdin.readline()

    shop = Shop()
    shop.meanwhile = stand_still
    post(shop.charge, key, {})


if __name__ == "__main__":
    main(sys.argv[1])
