"""This application's sockets and handlers: the tracking page of an order with a conversation, and
what is done about events of other services. The worked example of docs/tracking.md."""
