"""Every reachable state of the production state machine, under every pair of faults.

`python -m tests.model` walks them, for every order of up to three steps (`shapes`), and for each
construct at every place of such a saga (`constructs`). Read `world` first (what is modelled, and
why so little suffices), then `moves`, `wait_moves` and `family_moves` (what may happen), `echoes`
(what may happen at any time and must change nothing), and what must hold: `clauses`, `wait_clauses`
and `family_clauses` of each transition, `standing` of each row, `truth` between a row and its
participants, and in `walk` that everything ends.
"""
