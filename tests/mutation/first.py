"""A pytest plugin: the test that `--first` names is run before all others."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--first", default="", help="a test's id, without its parameters")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    first = config.getoption("first")
    items.sort(key=lambda item: item.nodeid.partition("[")[0] != first)
