"""All faults, in the order of the layers that they are sown into."""

from typing import Final

from tests.mutation.attempt_faults import ATTEMPT_FAULTS
from tests.mutation.course_faults import COURSE_FAULTS
from tests.mutation.definition_faults import DEFINITION_FAULTS
from tests.mutation.engine_faults import ENGINE_FAULTS
from tests.mutation.family_faults import FAMILY_FAULTS
from tests.mutation.store_faults import STORE_FAULTS

FAULTS: Final = (
    *ATTEMPT_FAULTS,
    *COURSE_FAULTS,
    *DEFINITION_FAULTS,
    *ENGINE_FAULTS,
    *FAMILY_FAULTS,
    *STORE_FAULTS,
)
