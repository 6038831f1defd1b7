"""The demo: sample orders through real servers, watched live, and checked against the ledgers."""
