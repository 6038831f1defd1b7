"""What workers may do next: well, badly, late, twice, or under a forged hint."""

from dataclasses import replace
from typing import Final

from hypothesis import note

from sagas.machine import FailureKind, Hint, Lost, Progress, Verdict
from tests.machine.conversation import ACTION, COMPENSATION
from tests.properties.choose import MOSTLY, Choose, report_on, tell
from tests.properties.world import Answer, World

_SUCCESSES: Final[tuple[Answer, ...]] = ("own", "own", "own", "nothing", "shared")
_TO_BE_REPEATED: Final[tuple[Answer, ...]] = (
    (FailureKind.UNREACHABLE, False, None),
    (FailureKind.UNKNOWN, False, None),
)
_FAILURES: Final[tuple[Answer, ...]] = tuple(
    (kind, final, wait)
    for kind in FailureKind
    for final, wait in ((False, None), (True, None), (False, 45.0))
)
_ANSWERS: Final = (*_SUCCESSES * 3, *_TO_BE_REPEATED * 2, "list", *_FAILURES)
_ALIKE: Final[tuple[Answer, ...]] = (
    *_SUCCESSES * 2,
    (FailureKind.REJECTED, False, None),
    (FailureKind.UNKNOWN, False, None),
    (FailureKind.UNKNOWN, True, None),
)


def everybody_works(world: World, choose: Choose) -> None:
    """So that sagas get somewhere, or come back from there."""
    answer = choose(_ALIKE)
    for _ in range(choose((1, 2, 3))):
        for hint in world.due():
            _work(world, hint, answer)


def work(world: World, choose: Choose) -> None:
    _work(world, choose(world.due()), choose(_ANSWERS))


def claim(world: World, choose: Choose) -> None:
    note(world.claim(choose(world.due()), together=choose((False, True))))


def handle_message(world: World, choose: Choose) -> None:
    """R1, R2: any that was ever sent, late or again."""
    hint = choose(world.messages[:-12:-1])
    note(hint)
    note(world.claim(hint))


def report(world: World, choose: Choose) -> None:
    report_on(world, choose(world.believed()), choose(_ANSWERS))


def report_anew(world: World, choose: Choose) -> None:
    """R5, R6, R12: under any fence, however old; perhaps before anybody else looks again."""
    if choose((False, True)):
        world.pass_time(300, looks=False)
    report_on(world, choose(world.overtaken() or world.claims), choose(_ANSWERS))


def be_too_slow(world: World, choose: Choose) -> None:
    """R5, R12: a worker stops for longer than its lease; others go on, and then it does."""
    claim, answer = choose(world.believed()), choose(_ANSWERS)
    for _ in range(2):
        note("20 s")
        world.pass_time(20)
    if choose(MOSTLY):
        for hint in world.due():
            note(world.claim(hint))
    report_on(world, claim, answer)


def claim_amiss(world: World, choose: Choose) -> None:
    """R1, R6, R20: a hint repeated, stale, or forged."""
    claim = choose(world.claims[::-1])
    other = COMPENSATION if claim.direction is ACTION else ACTION
    wrong = choose(
        (
            claim,
            replace(claim, holder="a thief"),
            replace(claim, fence=claim.fence + 1, holder="ahead"),
            replace(claim, direction=other, holder="a thief"),
            replace(claim, step="nobody"),
        )
    )
    if tell(world, wrong) is Verdict.ACCEPTED:
        world.claims.append(wrong)


def lose(world: World, choose: Choose) -> None:
    """R4, S14: a process is found dead; not always the one that holds the claim."""
    claim, progress = choose(world.believed()), choose(tuple(Progress))
    holder = claim.holder if choose(MOSTLY) else "another"
    tell(world, Lost(claim.step, claim.direction, claim.fence + 1, holder, progress))


def _work(world: World, hint: Hint, answer: Answer) -> None:
    if claim := world.claim(hint):
        report_on(world, claim, answer)
