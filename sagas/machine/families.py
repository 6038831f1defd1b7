"""Steps made of child executions: a `SubSaga` has one, a `ForEach` one for each item, a `Repeat`
one for each round.

A child goes forward by itself. It goes back only when its parent says so, after every action in
the parent has settled and in the parent's reverse order; so S5 and S6 hold for the whole tree.
What a child has come to (`Outcome`) waits in its row until the parent has taken it; what the
parent says waits in the child's row until the child has done it. Neither is ever lost, and no
transaction of a child waits for its parent's row.
"""

from sagas.machine import events as ev
from sagas.machine.added_items import is_open, items_of
from sagas.machine.children import Children
from sagas.machine.decision import (
    ChildCommand,
    Draft,
    Start,
    Verdict,
    accept_refusal,
    conflicting,
    fail_unclaimed,
    start_running,
    succeed_unclaimed,
    what_came,
    why_no_way_back,
)
from sagas.machine.facts import LETS_GO, ChildrenMoved, ChildrenRefused, ParentCommand
from sagas.machine.failures import Failure, FailureKind
from sagas.machine.family_steps import Family, ForEach, Repeat, catches, tolerates
from sagas.machine.kept_signals import kept_for
from sagas.machine.outcomes import (
    BACK,
    LOST,
    SUCCESS,
    has_enough,
    has_failed,
    is_complete,
    not_a_list,
    too_many_rounds,
)
from sagas.machine.states import (
    GOING_FORWARD,
    Direction,
    Effect,
    Outcome,
    StepStatus,
)
from sagas.machine.undoing import moved_by_hand, settle_undoing, undo_newest


def begin_family(draft: Draft, step: Family) -> None:
    """Starts the first children of a step, or settles it if there is none to start."""
    start_running(draft)
    state = draft.state.step(step.name)
    if state.children is not None and state.children.started:
        _go_on_with_children(draft, step)
        return
    items = items_of(step, draft.state) if isinstance(step, ForEach) else [None]
    total = None if items is None else len(items)
    may_grow = isinstance(step, ForEach) and is_open(step, draft.state)
    begun = step.name, Direction.ACTION, state.attempts + 1, state.fence + 1
    draft.emit(ev.StepWaiting(*begun, total=total or 0, open=may_grow))
    if total is None:
        over = step.over if isinstance(step, ForEach) else ""
        _give_up(draft, step.name, not_a_list(over, draft.state.context.get(over)))
    elif isinstance(step, ForEach) and total < (step.enough or 0):
        message = f"There are {total} items, and {step.enough} have to complete."
        _give_up(draft, step.name, Failure(FailureKind.REJECTED, "NotEnough", message))
    elif total == 0 and not may_grow:
        succeed_unclaimed(draft, step.name, {step.name: []})
    else:
        start_more(draft, step.name)


def _go_on_with_children(draft: Draft, step: Family) -> None:
    """A person has a step tried again that has children: they tell anew what they came to, and
    those that were not started are."""
    state = draft.state.step(step.name)
    attempt, fence = state.attempts + 1, state.fence + 1
    draft.emit(ev.StepWaiting(step.name, Direction.ACTION, attempt, fence))
    draft.child_commands.append(ChildCommand(step.name, ParentCommand.REPORT))
    start_more(draft, step.name)


def turn_back(draft: Draft, because: str, failure: Failure | None = None) -> None:
    """Nothing new starts from here on; what is in flight settles first (S5, R9)."""
    # Whom this decision let go goes back with all the others: nobody was told yet.
    draft.child_commands[:] = [e for e in draft.child_commands if e.command not in LETS_GO]
    draft.emit(ev.SagaCompensating(because, failure))
    # What a pending step that a person reopened has left must not be forgotten (S4).
    reopened = [n for n in draft.state.having(StepStatus.PENDING) if draft.state.step(n).attempts]
    for name in [*draft.state.scheduled(Direction.ACTION), *reopened]:
        draft.emit(ev.StepWithdrawn(name, Direction.ACTION))
    for name in draft.state.having(StepStatus.WAITING):
        if draft.state.step(name).children is None:
            draft.emit(ev.StepWithdrawn(name, Direction.ACTION))
    _halt_families(draft)


def turns_back(draft: Draft) -> bool:
    """Turns back, if a step has given up or the deadline has passed, and there is a way back."""
    failed, deadline = draft.state.having(StepStatus.FAILED), draft.state.options.deadline
    is_late = deadline is not None and deadline <= draft.now
    if not (failed or is_late) or why_no_way_back(draft):
        return False
    if failed:
        turn_back(draft, failed[0], draft.state.step(failed[0]).failure)
    else:
        turn_back(draft, "the deadline")
    return True


def _halt_families(draft: Draft) -> None:
    """Nothing new starts in the children either (S5)."""
    for name in list(draft.state.families(Direction.ACTION)):
        draft.child_commands.append(ChildCommand(name, ParentCommand.HALT))
        _settle_family(draft, ChildrenMoved(name, {}))


def resume_families(draft: Draft) -> None:
    """Starts the children whose turn came while their parent was paused, unless something made it
    turn back meanwhile (R9)."""
    if draft.state.status in GOING_FORWARD and turns_back(draft):
        return
    for name in list(draft.state.families(Direction.ACTION)):
        children = draft.state.step(name).children
        if children is None:
            continue
        step = draft.definition.by_name[name]
        if isinstance(step, Repeat):
            _settle_family(draft, ChildrenMoved(name, {}))
        elif draft.state.status in GOING_FORWARD and not has_failed(step, children):
            start_more(draft, name)
            have_lost = children.count(Outcome.GAVE_UP) > 0
            _let_go(draft, name, is_withdrawn=has_enough(step, children), have_lost=have_lost)
        elif catches(step):
            _settle_family(draft, ChildrenMoved(name, {}))
    for name in list(draft.state.families(Direction.COMPENSATION)):
        if isinstance(draft.definition.by_name[name], Repeat):
            undo_newest(draft, name)


def children_moved(draft: Draft, fact: ChildrenMoved) -> Verdict:
    """Takes what children have come to."""
    step = draft.state.step(fact.step)
    if step.direction is None or step.children is None:
        # One that was told to undo may move before the way back comes to it.
        known = draft.definition.by_name.get(fact.step)
        if step.status is StepStatus.FAILED and (catches(known) or tolerates(known)):
            draft.emit(ev.StepChildren(fact.step, Direction.ACTION, change=fact.change))
            return Verdict.ACCEPTED
        return moved_by_hand(draft, fact)
    if fact.change:  # or a signal has closed it, after the last of them was done
        draft.emit(ev.StepChildren(fact.step, step.direction, change=fact.change))
    if step.direction is Direction.COMPENSATION:
        more_are_back = sum(fact.change.get(outcome, 0) for outcome in BACK) > 0
        if more_are_back and isinstance(draft.definition.by_name[fact.step], Repeat):
            undo_newest(draft, fact.step)
        settle_undoing(draft, fact.step)
        return Verdict.ACCEPTED
    if draft.state.status in GOING_FORWARD:
        _tell_siblings(draft, fact, step.children)
    _settle_family(draft, fact)
    return Verdict.ACCEPTED


def _tell_siblings(draft: Draft, fact: ChildrenMoved, before: Children) -> None:
    """What it means for the children of a step, of which some came to something."""
    step, after = draft.definition.by_name[fact.step], draft.state.step(fact.step).children
    assert after is not None, "a family has children"
    if has_failed(step, after):
        if not has_failed(step, before):
            draft.child_commands.append(ChildCommand(fact.step, ParentCommand.HALT))
    elif not is_complete(step, after):
        is_withdrawn = has_enough(step, after) and not has_enough(step, before)
        # One may have come to be undone with the same news by which another gave up.
        have_lost = after.count(*LOST) > before.count(*LOST) and after.count(Outcome.GAVE_UP) > 0
        _let_go(draft, fact.step, is_withdrawn=is_withdrawn, have_lost=have_lost)


def _let_go(draft: Draft, name: str, *, is_withdrawn: bool, have_lost: bool) -> None:
    """Tells items that the saga goes on without to undo what they did: all that have not
    completed, if the rest `is_withdrawn`; or those that gave up, if some `have_lost`, and the
    saga goes on without them. Nobody is told while it is paused, but all of it after that."""
    step, children = draft.definition.by_name[name], draft.state.step(name).children
    if draft.state.paused or children is None or not isinstance(step, ForEach):
        return
    if is_withdrawn:
        draft.child_commands.append(ChildCommand(name, ParentCommand.WITHDRAW))
    elif have_lost and (step.on_failure == "continue" or has_enough(step, children)):
        draft.child_commands.append(ChildCommand(name, ParentCommand.RELEASE))


def children_refused(draft: Draft, fact: ChildrenRefused) -> Verdict:
    """Some children could not be started: the others settle, and the step gives up."""
    message = fact.failure.message or fact.failure.error
    draft.emit(ev.StepChildren(fact.step, Direction.ACTION, started=-fact.count, refused=message))
    draft.child_commands.append(ChildCommand(fact.step, ParentCommand.HALT))
    _settle_family(draft, ChildrenMoved(fact.step, {}))
    return Verdict.ACCEPTED


def _settle_family(draft: Draft, fact: ChildrenMoved) -> None:
    name, step = fact.step, draft.definition.by_name[fact.step]
    children = draft.state.step(name).children
    assert children is not None, "a family has children"
    completed = children.count(*SUCCESS)
    if isinstance(step, Repeat) and completed == children.started > 0 and not children.refused:
        _after_round(draft, step, children, fact)
    elif is_complete(step, children):
        if fact.failure is None:
            succeed_unclaimed(draft, name, {**what_came(draft, name), **fact.changes})
        else:
            _give_up(draft, name, fact.failure)
    elif draft.state.status in GOING_FORWARD and not has_failed(step, children):
        start_more(draft, name)
    elif children.have_settled:
        message = children.refused or "They turned back with their parent."
        known = None if children.refused else fact.failure
        failure = known or Failure(FailureKind.REJECTED, "ChildrenGaveUp", message)
        if catches(step) and (
            draft.state.status in GOING_FORWARD or draft.state.step(name).failure
        ):
            _catch(draft, name, failure)
        else:
            _give_up(draft, name, failure)


def _after_round(draft: Draft, step: Repeat, children: Children, fact: ChildrenMoved) -> None:
    """What the newest round gives is the saga's; then the context tells whether to go on."""
    name, is_forward = step.name, draft.state.status in GOING_FORWARD
    if children.started == children.total:  # its keys were not taken yet
        refused = fact.failure or conflicting(draft, name, Direction.ACTION, fact.changes)
        if refused:
            _give_up(draft, name, refused)
            return
        is_over = step.is_over({**draft.state.context, **fact.changes})
        if is_over and is_forward and not draft.state.paused:
            succeed_unclaimed(draft, name, fact.changes)
            return
        draft.emit(ev.StepChildren(name, Direction.ACTION, adds=fact.changes))
    if not is_forward:
        message = "It turned back with its saga."
        _give_up(draft, name, Failure(FailureKind.REJECTED, "ChildrenGaveUp", message))
    elif draft.state.paused:
        return
    elif step.is_over(draft.state.context):
        succeed_unclaimed(draft, name, {})
    elif children.started < step.most:
        start_more(draft, name)
    elif step.on_most == "continue":
        succeed_unclaimed(draft, name, {})
    else:
        _give_up(draft, name, too_many_rounds(step))


def _catch(draft: Draft, name: str, failure: Failure) -> None:
    """The saga goes on without the child that gave up, once that has undone what it did. If the
    saga turns back meanwhile, that is waited for, too: the child is told to undo only once."""
    step, is_forward = draft.state.step(name), draft.state.status in GOING_FORWARD
    assert step.children is not None, "a family has children"
    known = step.failure or failure
    if step.children.count(Outcome.STUCK):
        if not is_forward:
            _give_up(draft, name, known)
        return  # a person is needed, there
    if not step.children.count(Outcome.GAVE_UP):
        if is_forward:
            accept_refusal(draft, name, known if step.children.started else failure)
        else:
            fail_unclaimed(draft, name, known, Effect.NONE)
        return
    if step.failure is None:
        draft.emit(ev.StepChildren(name, Direction.ACTION, failure=failure))
    if not draft.state.paused:
        draft.child_commands.append(ChildCommand(name, ParentCommand.UNDO))


def start_more(draft: Draft, name: str) -> None:
    """Fills the window: as many at work as may be; none while it is paused."""
    definition, children = draft.definition.by_name[name], draft.state.step(name).children
    assert children is not None, "a family has children"
    at_work = children.started - children.count(*Outcome)
    window = definition.window if isinstance(definition, ForEach) else 1
    count = min(window - at_work, children.total - children.started)
    if count > 0 and not draft.state.paused and not has_enough(definition, children):
        early = kept_for(draft.definition, draft.state, name)
        hands = tuple(dict.fromkeys(signal.name for signal in early)) or None
        draft.emit(ev.StepChildren(name, Direction.ACTION, started=count, hands=hands))
        draft.starts.append(Start(name, children.started, count, early))


def _give_up(draft: Draft, name: str, failure: Failure) -> None:
    children = draft.state.step(name).children
    has_any = children is not None and children.started > children.count(Outcome.UNDONE)
    fail_unclaimed(draft, name, failure, Effect.APPLIED if has_any else Effect.NONE)
