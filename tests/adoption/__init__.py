"""The library in a project of somebody else's, from the built wheel: `make adoption`."""
