"""All that may happen next, in any order that the world allows."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from tests.properties import people, surroundings, workers
from tests.properties.choose import Choose
from tests.properties.world import World


@dataclass(frozen=True, slots=True)
class Move:
    act: Callable[[World, Choose], Any]
    weight: int = 2
    is_possible: Callable[[World], Any] = lambda world: True
    by: str = "the engine"


MOVES: Final = (
    Move(workers.everybody_works, 5, World.due),
    Move(workers.work, 6, World.due),
    Move(workers.claim, 4, World.due),
    Move(workers.handle_message, 1, lambda world: world.messages),
    Move(workers.report, 5, World.believed),
    Move(workers.be_too_slow, 2, World.believed, by="faults"),
    Move(workers.report_anew, 2, lambda world: world.claims, by="faults"),
    Move(workers.claim_amiss, 1, lambda world: world.claims, by="faults"),
    Move(workers.lose, 2, World.believed, by="faults"),
    Move(surroundings.pass_time, 2),
    Move(surroundings.look_at_locks, 3, World.waits_for_locks),
    Move(surroundings.be_ordered, 1, lambda world: world.is_child),
    Move(surroundings.be_released, 3, World.may_be_released),
    Move(surroundings.children_act, 4, World.children),
    Move(surroundings.help_a_child, 1, World.children_in_need),
    Move(surroundings.hear_of_children, 5, World.families_with_news),
    Move(people.signal, 1, World.waits, by="people"),
    Move(people.close, 2, World.lists_at_their_end, by="people"),
    Move(people.pause_or_resume, 1, by="people"),
    Move(people.resume, 3, lambda world: world.ledger.paused),
    Move(people.help_out, 3, World.is_in_trouble),
    Move(people.hurry, 1, people.delayed, by="people"),
    Move(people.reschedule, 1, by="people"),
    Move(people.mend_while_paused, 2, World.believed, by="people"),
    Move(people.cancel, 2, lambda world: world.ledger.count > 8, by="people"),
    Move(people.act_by_hand, 2, by="people"),
    Move(people.preview, 1, by="people"),
)
"""With how often each is tried, and by whom: some examples go without faults or people."""
