"""Every write, as SQL that is named here and nowhere else. Only `sagas.engine` calls it.

Each function needs its caller's transaction, but for those of `due` and `relay`, which are one
statement each. Times come from PostgreSQL's `clock_timestamp()`, read after the row's lock was
granted: a transaction that waited for the lock must not decide by the time at which it began
(S13).

A transaction may wait for the rows of an execution's children, and never for its parent's: so no
two of a family wait for each other.
"""
