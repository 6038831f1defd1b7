"""Charges to cards, and refunds."""
