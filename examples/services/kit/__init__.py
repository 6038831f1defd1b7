"""What every service promises its callers, and how it can be made to misbehave.

`idempotency` runs an action or its compensation once, whatever arrives however often; `models`
holds the receipts that make it so, and the ledger by which it can be checked; `faults` makes a
service slow, broken or silent on demand.
"""
