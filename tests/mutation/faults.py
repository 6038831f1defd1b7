"""All faults, in the order of the layers that they are sown into."""

from typing import Final

from tests.mutation.async_faults import ASYNC_FAULTS
from tests.mutation.attempt_faults import ATTEMPT_FAULTS
from tests.mutation.birth_faults import BIRTH_FAULTS
from tests.mutation.catching_faults import CATCHING_FAULTS
from tests.mutation.choice_faults import CHOICE_FAULTS
from tests.mutation.death_faults import DEATH_FAULTS
from tests.mutation.definition_faults import DEFINITION_FAULTS
from tests.mutation.engine_faults import ENGINE_FAULTS
from tests.mutation.family_faults import FAMILY_FAULTS
from tests.mutation.growing_faults import GROWING_FAULTS
from tests.mutation.item_faults import ITEM_FAULTS
from tests.mutation.limit_faults import LIMIT_FAULTS
from tests.mutation.poll_faults import POLL_FAULTS
from tests.mutation.progress_faults import PROGRESS_FAULTS
from tests.mutation.raised_faults import RAISED_FAULTS
from tests.mutation.reminder_faults import REMINDER_FAULTS
from tests.mutation.rounds_faults import ROUNDS_FAULTS
from tests.mutation.rounds_signals_faults import ROUNDS_SIGNALS_FAULTS
from tests.mutation.session_faults import SESSION_FAULTS
from tests.mutation.settings_faults import SETTINGS_FAULTS
from tests.mutation.signal_faults import SIGNAL_FAULTS
from tests.mutation.store_faults import STORE_FAULTS
from tests.mutation.structure_faults import STRUCTURE_FAULTS

FAULTS: Final = (
    *ATTEMPT_FAULTS,
    *POLL_FAULTS,
    *PROGRESS_FAULTS,
    *SIGNAL_FAULTS,
    *CATCHING_FAULTS,
    *CHOICE_FAULTS,
    *DEFINITION_FAULTS,
    *ENGINE_FAULTS,
    *FAMILY_FAULTS,
    *ITEM_FAULTS,
    *REMINDER_FAULTS,
    *GROWING_FAULTS,
    *LIMIT_FAULTS,
    *BIRTH_FAULTS,
    *ROUNDS_FAULTS,
    *ROUNDS_SIGNALS_FAULTS,
    *SESSION_FAULTS,
    *RAISED_FAULTS,
    *ASYNC_FAULTS,
    *STORE_FAULTS,
    *DEATH_FAULTS,
    *STRUCTURE_FAULTS,
    *SETTINGS_FAULTS,
)
