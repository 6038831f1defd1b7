"""Local servers and processes: what the demo and the tests run on, on one machine."""
