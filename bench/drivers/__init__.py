"""The clients of what is measured, each a process of its own that the bench talks to by lines.

They may run in an environment that has neither Django nor the engine (the peers' own).
"""
