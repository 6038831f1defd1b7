"""Users as other projects have them: they log in by an e-mail address, and their keys are no
numbers."""
