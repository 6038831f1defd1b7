"""Imported first, it freezes the machine's values at run time (`tests.machine.test_frozen`)."""

import sys
from dataclasses import dataclass
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

NAME = "sagas.machine.states"


def freeze() -> None:
    """Before anything imports the machine: its package would load the module as it is."""
    assert "sagas.machine" not in sys.modules
    path = Path(__file__).parents[1].joinpath(*NAME.split(".")).with_suffix(".py")
    spec = spec_from_file_location(NAME, path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    module.statically_frozen = dataclass  # type: ignore[attr-defined]
    sys.modules[NAME] = module


freeze()
