"""A deterministic simulation of the real engine on the real PostgreSQL.

`python -m tests.simulation --seed 1 --sagas 1000` plays random sagas among workers that are killed
and stand still, a broker that loses and doubles, a network, participants, wake loops and operators.
Clock, chance, ids and the order of everything come from the seed: the same seed gives the same
hash, and a violation can be played again. `moves` is the table of what may happen, `checks` and
`ledgers` say what must hold, `races` proves that each race of the contract did occur.

Everything runs in one thread and one session, so what only true concurrency can show, two
transactions that want one row at one time, stays with tests/engine/test_races.py.
"""
