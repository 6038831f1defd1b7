"""Sphinx: `make docs` builds this folder as a site into .local/site. A broken link fails it."""

import os
import re
import sys
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

# What the reference documents is imported. Nothing connects: the values are never used.
os.environ.update(
    DJANGO_SETTINGS_MODULE="tests.settings",
    SECRET_KEY="none",  # noqa: S106  (it is none)
    DATABASE_URL="postgresql://none",
    REDIS_URL="redis://none",
)

import django  # noqa: E402  (its settings are read from what was just set)

django.setup()

from examples.gallery.page import examples  # noqa: E402
from sagas.whatif.graph import flowchart  # noqa: E402
from sagas.whatif.picture import picture  # noqa: E402

project = "Sagas for Django"
copyright = "the authors, Apache License 2.0"
version = release = "0.1"

extensions = ["myst_parser", "sphinx.ext.autodoc"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]

myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence"]
# The pages' blocks carry options of the tests that run them (`pycon later=60`).
suppress_warnings = ["misc.highlighting_failure"]

default_role = "code"  # the docstrings write `name`, as Markdown does
autodoc_typehints = "signature"
autodoc_member_order = "bysource"
autodoc_class_signature = "separated"
autodoc_default_options = {"members": True, "show-inheritance": True}
# Defaults as they are written, not as long values.
autodoc_preserve_defaults = True

html_theme = "furo"
html_title = "Sagas for Django"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False


def _without_signatures(
    _: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]
) -> None:
    """Leaves out what Python makes up as docstrings of dataclasses and named tuples."""
    made_up = (f"{name.rpartition('.')[2]}(", "Alias for field number")
    if lines and lines[0].startswith(made_up):
        lines.clear()


def _tables_for_diagrams(_: Any, docname: str, source: list[str]) -> None:
    """Turns Mermaid's state diagrams, which GitHub draws and this site does not, into tables."""
    diagram = r"```mermaid\nstateDiagram-v2\n(.*?)```\n"
    source[0] = re.sub(diagram, lambda found: _table(found[1]), source[0], flags=re.DOTALL)


def _pictures_for_graphs(_: Any, docname: str, source: list[str]) -> None:
    """Turns the Mermaid flowcharts of the gallery into pictures, for the same reason."""
    if docname != "gallery":
        return
    for saga in (saga for example in examples() for saga in example.sagas):
        drawn = f'<div style="overflow-x: auto">\n{picture(saga)}</div>\n'
        source[0] = source[0].replace(f"```mermaid\n{flowchart(saga)}```\n", drawn)


def _table(arrows: str) -> str:
    rows = ["| from | event | to |", "|---|---|---|"]
    for before, after, event in re.findall(r"(\S+) --> ([^\s:]+)(?:: (\S+))?", arrows):
        start = "*(start)*" if before == "[*]" else f"`{before}`"
        end = "*(end)*" if after == "[*]" else f"`{after}`"
        rows.append(f"| {start} | {f'`{event}`' if event else ''} | {end} |")
    return "\n".join(rows) + "\n"


def setup(app: Any) -> None:
    app.connect("source-read", _tables_for_diagrams)
    app.connect("source-read", _pictures_for_graphs)
    app.connect("autodoc-process-docstring", _without_signatures)
