"""What must hold of steps made of children: in each transition, and in each world."""

from collections import Counter
from collections.abc import Callable
from typing import Final

from sagas.machine import (
    ExecutionStatus,
    ForEach,
    Outcome,
    ParentCommand,
    Repeat,
    StepStatus,
    SubSaga,
)
from sagas.machine import events as ev
from sagas.machine.states import GOING_FORWARD
from tests.model.children import standing, thawed
from tests.model.clauses import ACTION
from tests.model.row import Transition
from tests.model.shape import Shape
from tests.model.world import World
from tests.properties.children import At

AT_WORK: Final = frozenset({At.FORWARD, At.TURNED, At.STOPPED})
UNDONE: Final = (Outcome.GAVE_UP, Outcome.UNDONE, Outcome.STUCK)
LETS_UNDO: Final = (ParentCommand.UNDO, ParentCommand.RELEASE, ParentCommand.WITHDRAW)


def r9_nothing_starts_in_a_family_that_is_not_going_forward(seen: Transition) -> bool:
    """Nor while it is paused, once enough have completed, or once it has to give up."""
    if not seen.decision.starts:
        return True
    family = seen.shape.family
    assert family is not None
    found = seen.after.step(family.name).children
    assert found is not None
    lost, done = found.count(*UNDONE), found.count(Outcome.COMPLETED, Outcome.FINAL)
    enough = family.enough if isinstance(family, ForEach) else None
    goes_on_without = isinstance(family, ForEach) and (enough or family.on_failure == "continue")
    return (
        seen.after.status in GOING_FORWARD
        and not seen.after.paused
        and (not lost or bool(goes_on_without))
        and (enough is None or done < enough)
    )


def s5_children_undo_nothing_while_their_saga_is_paused(seen: Transition) -> bool:
    commands = [each.command for each in seen.decision.child_commands]
    return not seen.after.paused or not any(command in LETS_UNDO for command in commands)


def s3_rounds_end_when_the_context_says_so(seen: Transition) -> bool:
    """But not while their saga is paused."""
    family = seen.shape.family
    if not isinstance(family, Repeat):
        return True
    found = seen.after.step(family.name).children
    is_enough = bool(seen.after.context.get("enough"))
    for event in seen.events:
        if isinstance(event, ev.StepChildren) and event.started > 0:
            assert found is not None
            if found.started > family.most or (is_enough and found.started > 1):
                return False
        if isinstance(event, ev.StepSucceeded) and event.step == family.name:
            is_last = found is not None and found.started == family.most
            may_end = is_enough or (is_last and family.on_most == "continue")
            if event.direction is ACTION and (seen.after.paused or not may_end):
                return False
    return True


FAMILY_CLAUSES: Final[tuple[Callable[[Transition], bool], ...]] = (
    r9_nothing_starts_in_a_family_that_is_not_going_forward,
    s5_children_undo_nothing_while_their_saga_is_paused,
    s3_rounds_end_when_the_context_says_so,
)


def s3_a_family_that_is_done_has_what_it_needs(shape: Shape, world: World) -> bool:
    family = shape.family
    assert family is not None
    step, at = world.row.state.step(family.name), Counter(standing(world.children))
    if step.status is StepStatus.SKIPPED:  # a person also skips one whose children stay
        kept = 0 if isinstance(family, SubSaga) else at[At.DONE]
        return at.total() == at[At.UNDONE] + kept
    if step.status is not StepStatus.SUCCEEDED:
        return True
    may_lack = isinstance(family, ForEach) and (family.enough or family.on_failure == "continue")
    if not may_lack:
        return at[At.DONE] == at.total() == _expected(shape, world) > 0
    needed = family.enough or 0 if isinstance(family, ForEach) else 0
    return at[At.DONE] >= needed and at.total() == at[At.DONE] + at[At.UNDONE]


def _expected(shape: Shape, world: World) -> int:
    """How many children there are, once their step is done."""
    family = shape.family
    if not isinstance(family, ForEach):
        return len(world.children)
    return len(shape.context[family.over]) + len(world.row.past.keys_of(family.grows_by))


def s3_a_list_that_grows_ends_closed(shape: Shape, world: World) -> bool:
    step, row = shape.growing, world.row
    if step is None or row.state.step(step.name).status is not StepStatus.SUCCEEDED:
        return True
    is_whole = len(row.state.context[step.over]) == len(world.children) == _expected(shape, world)
    return is_whole and bool(row.past.keys_of(step.closes_by))


def s3_no_more_are_at_work_than_may_be(shape: Shape, world: World) -> bool:
    family = shape.family
    window = family.window if isinstance(family, ForEach) else 1
    return standing(world.children).count(At.FORWARD) <= window


def s4_compensated_means_that_all_children_are_undone(shape: Shape, world: World) -> bool:
    is_over = world.row.state.status is ExecutionStatus.COMPENSATED
    return not is_over or {*standing(world.children)} <= {At.UNDONE}


def s6_failed_on_the_way_back_leaves_only_children_that_could_not_be_undone(
    shape: Shape, world: World
) -> bool:
    row = world.row
    if row.state.status is not ExecutionStatus.FAILED or not row.past.turned_back:
        return True
    # A person may have seen to one meanwhile.
    may_be = {At.UNDONE, At.STUCK, At.UNDOING}
    return all(
        child.at in may_be or (child.at is At.DONE and child.has_pivot)
        for child in map(thawed, world.children)
    )


def s5_nothing_is_undone_while_a_child_is_at_work(shape: Shape, world: World) -> bool:
    steps = world.row.state.steps.values()
    has_begun = any(step.compensation_attempts for step in steps)
    return not has_begun or not any(at in AT_WORK for at in standing(world.children))


def s5_children_undo_nothing_before_all_has_settled(shape: Shape, world: World) -> bool:
    """But those that the saga goes on without."""
    family, state = shape.family, world.row.state
    is_tried = isinstance(family, SubSaga | ForEach) and family.on_failure == "continue"
    if is_tried or getattr(family, "enough", None):
        return True
    undoing = {At.UNDOING, At.UNDONE, At.STUCK}.intersection(standing(world.children))
    return not undoing or (state.has_settled and state.status not in GOING_FORWARD)


def s6_rounds_are_undone_newest_first(shape: Shape, world: World) -> bool:
    if not isinstance(shape.family, Repeat):
        return True
    rounds = [thawed(values) for values in world.children]
    for number, child in enumerate(rounds):
        if child.at is At.UNDOING or ParentCommand.UNDO in child.commands:
            later = {each.at for each in rounds[number + 1 :]}
            if not later.isdisjoint(AT_WORK | {At.DONE, At.GAVE_UP}):
                return False
    return True


def s6_a_round_that_is_stuck_holds_up_no_other(shape: Shape, world: World) -> bool:
    """All that its saga has heard of are stuck or undone: then the next one is told to undo."""
    family, state = shape.family, world.row.state
    if not isinstance(family, Repeat) or state.paused:
        return True
    rounds = [thawed(values) for values in world.children]
    is_undoing = state.step(family.name).status is StepStatus.COMPENSATING
    left = [child for child in rounds if child.taken not in (Outcome.UNDONE, Outcome.STUCK)]
    if not is_undoing or not left or any(child.has_news for child in rounds):
        return True
    newest = left[-1]
    return newest.at not in (At.DONE, At.GAVE_UP) or ParentCommand.UNDO in newest.commands


FAMILY_WORLD_CLAUSES: Final[tuple[Callable[[Shape, World], bool], ...]] = (
    s3_a_family_that_is_done_has_what_it_needs,
    s3_a_list_that_grows_ends_closed,
    s3_no_more_are_at_work_than_may_be,
    s4_compensated_means_that_all_children_are_undone,
    s5_nothing_is_undone_while_a_child_is_at_work,
    s5_children_undo_nothing_before_all_has_settled,
    s6_failed_on_the_way_back_leaves_only_children_that_could_not_be_undone,
    s6_rounds_are_undone_newest_first,
    s6_a_round_that_is_stuck_holds_up_no_other,
)
