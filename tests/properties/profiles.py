"""How many examples the property tests try, and what they say of one that fails.

300 at home, 2,000 where the environment says CI, or as many as PROPERTY_EXAMPLES says: 200,000 by
`make property`. They are tried in batches, because Hypothesis remembers each example of a run.
Every run tries others; one that fails is kept in `.hypothesis` and tried first from then on, and
its blob is printed for elsewhere. The CI doesn't make it short, which can take minutes.
"""

import os
from typing import Final

from hypothesis import HealthCheck, Phase, settings

_BATCH: Final = 500
_IS_IN_CI: Final = os.environ.get("CI") == "true"

EXAMPLES: Final = int(os.environ.get("PROPERTY_EXAMPLES") or (2000 if _IS_IN_CI else 300))
BATCHES: Final = -(-EXAMPLES // _BATCH)

settings.register_profile(
    "every clause",
    max_examples=-(-EXAMPLES // BATCHES),
    stateful_step_count=50,
    deadline=None,
    derandomize=False,
    phases=[phase for phase in Phase if not (_IS_IN_CI and phase in (Phase.shrink, Phase.explain))],
    print_blob=True,
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),  # examples are large, and may be
)
settings.register_profile(
    "the same walks each time",
    settings.get_profile("every clause"),
    max_examples=400,
    phases=[Phase.generate],
    derandomize=True,
    database=None,
)
EVERY_CLAUSE: Final = settings.get_profile("every clause")
THE_SAME_WALKS: Final = settings.get_profile("the same walks each time")
