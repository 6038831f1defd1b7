"""Definitions as flowcharts."""

from sagas import (
    Between,
    Choice,
    ForEach,
    Parallel,
    Pivot,
    Repeat,
    Saga,
    SagaStep,
    Sleep,
    SubSaga,
    WaitFor,
)
from sagas.whatif.graph import flowchart
from tests.machine.conversation import nothing


def test_every_kind_of_step_and_every_way_is_drawn() -> None:
    saga = Saga(
        "order",
        [
            SagaStep("reserve", nothing, nothing),
            Parallel(SagaStep("pack", nothing), [Sleep("rest", 60), SubSaga("label", "labels")]),
            Choice(
                "route",
                "decision.outcome",
                {"approved": [], Between(1, 5): [WaitFor("form", timeout=90)]},
            ),
            SagaStep("wrap", nothing, when="gift"),
            Pivot("hand_over", nothing),
            ForEach("mails", over="people", action=nothing),
            WaitFor("thanks"),
        ],
    )
    assert (
        flowchart(saga)
        == """\
flowchart TD
    start([start])
    reserve["reserve<br>↺ nothing"]
    start --> reserve
    pack["pack"]
    reserve --> pack
    rest(["rest<br>sleep 0:01:00"])
    reserve --> rest
    label[["label<br>saga labels"]]
    rest --> label
    choice_route{"decision.outcome"}
    pack --> choice_route
    label --> choice_route
    form(["form<br>signal, for 0:01:30 at most"])
    choice_route -->|"1 … 5"| form
    choice_wrap{"gift"}
    choice_route -->|"approved"| choice_wrap
    form --> choice_wrap
    choice_route -->|"else"| choice_wrap
    wrap["wrap"]
    choice_wrap -->|"true"| wrap
    hand_over{{"hand_over"}}
    wrap --> hand_over
    choice_wrap -->|"else"| hand_over
    mails[["mails<br>for each of people"]]
    hand_over --> mails
    thanks(["thanks<br>signal"])
    mails --> thanks
    thanks --> done
    done([completed])
"""
    )


def test_rounds_are_drawn_in_a_frame_that_an_arrow_leads_back_to() -> None:
    deep = Repeat("deep", [Sleep("rest", 5)], until="x", most=2)
    rounds = Repeat("r", [SagaStep("a", nothing), deep], until={"sum": Between(1, 5)}, most=3)
    assert (
        flowchart(Saga("order", [SagaStep("a", nothing), rounds]))
        == """\
flowchart TD
    start([start])
    a["a"]
    start --> a
    subgraph r["r<br>again until sum is 1 … 5, 3 times at most"]
    r_a["a"]
    subgraph r_deep["deep<br>again until x, 2 times at most"]
    r_deep_rest(["rest<br>sleep 0:00:05"])
    end
    r_again_deep{"x"}
    r_a --> r_deep
    r_deep_rest --> r_again_deep
    r_again_deep -->|"not yet"| r_deep
    end
    again_r{"sum is 1 … 5"}
    a --> r
    r_again_deep -->|"then"| again_r
    again_r -->|"not yet"| r
    again_r -->|"then"| done
    done([completed])
"""
    )
