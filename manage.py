#!/usr/bin/env python
"""Django's command line for this project."""

import os
import sys

from django.core.management import execute_from_command_line

from sagas.devserver import command as dev

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
    if sys.argv[1:3] == ["saga", "dev"]:
        # It starts the servers that the settings insist on, so it can't wait for these.
        sys.exit(dev.main(sys.argv[3:]))
    execute_from_command_line(sys.argv)
