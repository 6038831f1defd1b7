"""What is in stock, and for whom it is held."""
