"""`make house`: how much of the code a reader has to follow, in numbers."""
