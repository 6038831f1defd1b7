"""What is measured of the engine alone, each by a module: rows for a table of its own."""

from typing import Final

from bench.sections.contexts import contexts
from bench.sections.growth import growth
from bench.sections.processes import processes
from bench.sections.starts import starts
from bench.sections.statements import statements
from bench.sections.wake import wake

SECTIONS: Final = {
    section.__name__: section for section in (statements, starts, wake, growth, contexts, processes)
}
