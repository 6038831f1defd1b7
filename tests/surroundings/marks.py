"""What a test needs that not all surroundings have."""

import os
from typing import Final

import pytest

one_session: Final = pytest.mark.skipif(
    os.environ.get("DATABASE_POOLER") == "transaction",
    reason="it is about one session, and a pooler of transactions hands each to any",
)

fast_path: Final = pytest.mark.skipif(
    os.environ.get("FAST") == "0", reason="it is about what is fast, which is switched off"
)
