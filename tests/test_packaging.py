"""What the wheels declare is what this repository runs with."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any, Final

import pytest
from django.core.exceptions import ImproperlyConfigured

from sagas import extras
from tests.pages import ROOT

PROJECT: Final[dict[str, Any]] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
OPTIONAL: Final[dict[str, list[str]]] = PROJECT["optional-dependencies"]


def name_of(requirement: str) -> str:
    """Without extras and versions, as pip compares them."""
    found = re.match(r"[\w.-]+", requirement)
    assert found
    return found[0].lower().replace("_", "-")


def versions_of(requirements: list[str]) -> dict[str, str]:
    """A package → which versions hold."""
    return {name_of(each): re.sub(r"^[\w.-]+(\[[^]]*\])?", "", each) for each in requirements}


def test_the_library_holds_with_the_versions_that_are_tested() -> None:
    lines = (ROOT / "requirements" / "base.in").read_text().splitlines()
    tested = versions_of([line for line in lines if not line.startswith("#")])
    wanted = [*PROJECT["dependencies"]]
    for extra in ("console", "consul", "forms", "live", "services"):
        wanted += OPTIONAL[extra]
    for package, versions in versions_of(wanted).items():
        assert tested[package] == versions, package


def test_what_a_deployment_may_need_is_in_the_extra_that_has_all() -> None:
    [everything] = OPTIONAL["all"]
    needed = sorted(OPTIONAL.keys() - {"all", "dev", "testing"})
    assert everything == f"sagas-for-django[{','.join(needed)}]"


@pytest.mark.parametrize("package", ["sagas", "saga_participant"])
def test_what_a_wheel_imports_is_what_it_declares(package: str) -> None:
    """Django's own dependencies are imported, too, and those of Celery and requests."""
    declared = {name_of(each) for each in PROJECT["dependencies"]}
    for each in OPTIONAL.values():
        declared |= {name_of(requirement) for requirement in each}
    if package == "saga_participant":
        declared = {"django"}
    inherited = {"amqp", "asgiref", "billiard", "pydantic-core", "redis", "urllib3"}
    distributions = packages_distributions()
    for module in imported_by(ROOT / package) - {package}:
        if module not in sys.stdlib_module_names:
            names = {name.lower().replace("_", "-") for name in distributions[module]}
            assert names & (declared | inherited), f"{package} imports {module}"


def imported_by(folder: Path) -> set[str]:
    """The names at the top of all that is imported below `folder`."""
    found: set[str] = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.partition(".")[0])
    return found


def test_an_extra_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    extras.require("consul", "This")
    monkeypatch.setitem(extras.PACKAGES, "consul", ("consul", "no_such_module"))
    with pytest.raises(ImproperlyConfigured, match=r"This needs no_such_module: .*\[consul\]'"):
        extras.require("consul", "This")


def test_every_extra_has_modules_that_show_whether_it_is_there() -> None:
    assert extras.PACKAGES.keys() == OPTIONAL.keys() - {"all"}
