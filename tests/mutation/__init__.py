"""The mutation gate: faults sown into the engine's source, each of which a test must catch."""
