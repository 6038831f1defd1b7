"""The ends of the versions that hold: `make test-versions`."""
