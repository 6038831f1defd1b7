"""A definition as a Mermaid flowchart (https://mermaid.js.org/syntax/flowchart.html)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from sagas.machine.conditions import Case, as_condition
from sagas.machine.definition import Saga
from sagas.machine.family_steps import ForEach, Repeat, Step, SubSaga
from sagas.machine.parameters import Duration, as_timedelta
from sagas.machine.steps import Pivot, SagaStep
from sagas.machine.tasks import Login
from sagas.machine.tree import Choice, FirstOf, InOrder, Node, Parallel
from sagas.machine.waiting_steps import Sleep, WaitFor

Exit = tuple[str, str]
"""A node's id, and what is written at the arrow that leaves it."""


def flowchart(definition: Saga) -> str:
    """The steps of a saga, in order; with a diamond for each choice, and `↺` before the name of a
    compensation. Text for Mermaid, which ends with a newline."""
    chart = _Chart()
    exits = chart.draw(definition.body, [("start", "")])
    chart.arrows(exits, "done")
    lines = ["flowchart TD", "    start([start])", *chart.lines, "    done([completed])"]
    return "\n".join(lines) + "\n"


@dataclass(slots=True)
class _Chart:
    within: str = ""
    """What the names of nodes begin with: those of a `Repeat` may be the same as others outside."""
    lines: list[str] = field(default_factory=list)

    def draw(self, node: Node, entries: list[Exit]) -> list[Exit]:
        """Draws what is below `node`, after `entries`; returns where what follows goes on from."""
        match node:
            case InOrder(nodes=nodes):
                for child in nodes:
                    entries = self.draw(child, entries)
                return entries
            case Parallel(branches=branches):
                return [end for branch in branches for end in self.draw(branch, entries)]
            case FirstOf(ways=ways):
                return [end for way in ways.values() for end in self._draw_member(way, entries)]
            case Choice():
                return self._draw_choice(node, entries)
            case Repeat():
                return self._draw_rounds(node, entries)
            case _:
                name = self.within + node.name
                self.lines.append(f"    {name}{_shape(node)}")
                self.arrows(entries, name)
                return [(name, "")]

    def _draw_rounds(self, step: Repeat, entries: list[Exit]) -> list[Exit]:
        """Its steps in a frame, from whose end an arrow leads back to the frame."""
        name, again = self.within + step.name, f"{self.within}again_{step.name}"
        title = _quoted("<br>".join(lines_of(step)))
        inner = _Chart(f"{name}_")
        ends = inner.draw(InOrder(step.steps), [])
        self.lines += [f"    subgraph {name}[{title}]", *inner.lines, "    end"]
        self.lines.append(f"    {again}{{{_quoted(step.said)}}}")
        self.arrows(entries, name)
        self.arrows(ends, again)
        self.arrows([(again, "not yet")], name)
        return [(again, "then")]

    def _draw_choice(self, choice: Choice, entries: list[Exit]) -> list[Exit]:
        name = f"{self.within}choice_{choice.name}"
        self.lines.append(f"    {name}{{{_quoted(choice.on)}}}")
        self.arrows(entries, name)
        exits = [
            end
            for label, way in choice.ways.items()
            for end in self.draw(way, [(name, label.strip('"'))])
        ]
        return exits if choice.takes_something else [*exits, (name, "else")]

    def _draw_member(self, member: Node, entries: list[Exit]) -> list[Exit]:
        return [(end, "first") for end, _ in self.draw(member, entries)]

    def arrows(self, entries: Iterable[Exit], to: str) -> None:
        for source, label in entries:
            written = f"|{_quoted(label)}|" if label else ""
            self.lines.append(f"    {source} -->{written} {to}")


def lines_of(step: Step) -> list[str]:
    """What is written at a step: its name, and what else is to know about it."""
    return [step.name, *_details(step)]


def _shape(step: Step) -> str:
    text = _quoted("<br>".join(lines_of(step)))
    match step:
        case Pivot():
            return f"{{{{{text}}}}}"
        case SagaStep():
            return f"[{text}]"
        case SubSaga() | ForEach():
            return f"[[{text}]]"
        case _:
            return f"([{text}])"


def _details(step: Step) -> Iterator[str]:
    match step:
        case SubSaga(saga_type=saga_type) if saga_type != step.name:
            yield f"saga {saga_type}"
        case ForEach(over=over, saga=saga):
            yield f"for each of {over}"
            if saga:
                yield f"saga {saga}"
            if step.enough is not None:
                yield f"{step.enough} are enough"
            if step.grows_by:
                yield f"and of each signal {step.grows_by}, until {step.closes_by}"
        case Repeat(said=said, most=most):
            yield f"again until {said}, {most} times at most"
        case WaitFor(timeout=timeout, collect=collect):
            what = "signals" if collect else "signal"
            yield what if timeout is None else f"{what}, for {_time(timeout)} at most"
            if step.form is not None:
                yield "by a form"
            if (remind := step.remind) is not None:
                yield f"reminder {remind.saga} every {_time(remind.every)}, {remind.most} at most"
            if step.until:
                yield "until " + ", ".join(_case(path, case) for path, case in step.until.items())
            yield from _of_task(step)
        case Sleep(until=str(until)):
            yield f"sleep until {until}"
        case Sleep(duration=duration, seconds=seconds):
            yield f"sleep {_time(duration or seconds or 0)}"
        case _:
            pass
    compensation = getattr(step, "compensation", None)
    if compensation is not None:
        yield f"↺ {getattr(compensation, '__name__', 'compensation')}"


def _of_task(step: WaitFor) -> Iterator[str]:
    """Who has to do it, and until when."""
    who = [step.permission] if step.permission else []
    if step.assignee is not None:
        who.append(step.assignee.name if isinstance(step.assignee, Login) else step.assignee)
    if who:
        yield f"by {' or '.join(who)}"
    if step.four_eyes:
        yield "not by who started it"
    if step.due is not None:
        yield f"due {'at' if isinstance(step.due, str) else 'after'} {_due(step.due)}"


def _due(due: Duration | str) -> str:
    return due if isinstance(due, str) else _time(due)


def _case(path: str, case: Case) -> str:
    label = as_condition("until", case).label
    return f"{path} is {label}"


def _time(duration: Duration | str) -> str:
    if isinstance(duration, str):
        return f"{duration} seconds"
    return str(as_timedelta(duration)).removesuffix(", 0:00:00")


def _quoted(text: str) -> str:
    return '"' + text.replace('"', "#quot;") + '"'
