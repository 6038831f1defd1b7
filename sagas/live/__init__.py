"""Live progress: Channels pushes each transition to whoever watches."""
