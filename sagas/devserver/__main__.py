"""`python -m sagas.devserver`: `manage.py saga dev` for a project whose settings can't be read
before the servers are there. DJANGO_SETTINGS_MODULE names them."""

import sys

from sagas.devserver.command import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
