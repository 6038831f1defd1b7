"""An app with sagas for the console: one has whatever a graph can have."""
