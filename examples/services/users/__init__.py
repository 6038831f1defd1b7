"""Who may order."""
