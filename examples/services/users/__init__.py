"""Who may order; read only."""
