"""The connection to the broker, and batches of messages: what hints and events share."""
