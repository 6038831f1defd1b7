"""Private names of Celery and Kombu that our code reaches into.

A name with one leading underscore that Celery, Kombu or what they are made of defines, that a
module of ours which imports them reads, sets or hands to `getattr`, and that ours don't define.
"""

import ast
from collections import defaultdict
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Final

THEIRS: Final = ("celery", "kombu", "billiard", "amqp", "vine")
_BY_NAME: Final = ("getattr", "setattr", "hasattr", "delattr")


def private_names(root: Path, files: list[Path]) -> list[str]:
    """Each name, with the files that it is in."""
    trees = {file: ast.parse(file.read_text()) for file in files}
    theirs = {name for tree in _their_trees() for name in _defined(tree)}
    ours = {name for tree in trees.values() for name in _defined(tree)}
    found: dict[str, set[str]] = defaultdict(set)
    for file, tree in trees.items():
        for name in _used(tree) if _imports_them(tree) else ():
            if _is_private(name) and name in theirs - ours:
                found[name].add(str(file.relative_to(root)))
    return [f"{name}: {', '.join(sorted(places))}" for name, places in sorted(found.items())]


def _their_trees() -> Iterator[ast.Module]:
    for package in THEIRS:
        spec = find_spec(package)
        assert spec is not None, f"{package} is installed"
        for folder in spec.submodule_search_locations or ():
            for file in Path(folder).rglob("*.py"):
                yield ast.parse(file.read_text())


def _defined(tree: ast.Module) -> Iterator[str]:
    """What a module defines: functions, classes, variables, and attributes of `self` or `cls`."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name
            case ast.ClassDef(name=name) | ast.Name(id=name, ctx=ast.Store()):
                yield name
            case ast.Attribute(value=ast.Name(id="self" | "cls"), attr=name, ctx=ast.Store()):
                yield name
            case _:
                pass


def _used(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(attr=name):
                yield name
            case ast.ImportFrom(module=str(module), names=names) if _is_theirs(module):
                yield from (each.name for each in names)
                yield from module.split(".")
            case ast.Call(func=ast.Name(id=by), args=[_, ast.Constant(value=str(name)), *_]):
                if by in _BY_NAME:
                    yield name
            case _:
                pass


def _imports_them(tree: ast.Module) -> bool:
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names) if any(_is_theirs(each.name) for each in names):
                return True
            case ast.ImportFrom(module=str(module)) if _is_theirs(module):
                return True
            case _:
                pass
    return False


def _is_theirs(module: str) -> bool:
    return module.partition(".")[0] in THEIRS


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__") and name != "_"
