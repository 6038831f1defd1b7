from pathlib import Path

from sagas.whatif.diagram import states_page

PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "states.md"


def test_the_drawn_states_are_those_of_the_tables() -> None:
    assert PAGE.read_text() == states_page(), "docs/states.md is stale: run `make docs`."
