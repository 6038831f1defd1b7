"""The console: pages on which people see each saga, understand it, and put it right.

Complete without a script, under any prefix: `path("", include("sagas.console.urls"))`. The engine's
rules stay below: this parses, asks `sagas.access` for every right, calls, and renders.
"""
