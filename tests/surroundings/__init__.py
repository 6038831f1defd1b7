"""The tests and the demo in the surroundings of other projects: `make test-settings`."""
