"""What every service has besides its business: a ledger, errors in one form, and faults.

What it promises its callers is the work of the participant's kit (`saga_participant`); the ledger
in `models` is that by which it can be checked; `faults` makes a service slow, broken or silent on
demand.
"""
