"""Orders that have been placed, and cancelled."""
