"""What the tutorial and the pages of `PAGES` show, done as they say.

Each chapter is a test, with a database of its own. What stands before a page's first chapter sets
the scene for all of them, and the scene of the tutorial holds for all pages.

- A `python` block is a file, named in its first line (`# shop/sagas.py`). It can be imported from
  there on; a later block of that name takes its place. A chapter also finds the files of those
  before it. The sagas of a `sagas.py` are deployed, the functions `test_…` run.
- A `pycon` block is what somebody types beside running workers, and sees: everything that is due
  has been done before the next line. `pycon later=60` is typed a minute later.
- Other blocks are not run. They are marked `not-run`, and rare.
"""

import doctest
import re
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from inspect import signature
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import pytest
from django.apps import AppConfig, apps
from django.db import connection, models

from sagas.machine import Saga
from sagas.models import SagaExecution
from sagas.registry import registry
from sagas.testing.workers import Worker
from tests.engine.driving import check_history
from tests.pages import ROOT, Block, Chapter, chapters

TUTORIAL: Final = ROOT / "docs" / "tutorial.md"
PAGES: Final = (
    TUTORIAL,
    *(
        ROOT / "docs" / f"{name}.md"
        for name in ("constructs", "coming-from", "operating", "participant")
    ),
)
DOCS: Final = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
NOT_RUN: Final = "not-run"
MOST_NOT_RUN: Final = 3


class Files(MetaPathFinder, Loader):
    """Modules out of a page's blocks, imported as files would be."""

    def __init__(self) -> None:
        self.blocks: dict[str, Block] = {}

    def write(self, block: Block) -> str:
        """Makes `block` the text of the file that it names; the module's name."""
        name = block.file.removesuffix(".py").replace("/", ".")
        self.blocks[name] = block
        sys.modules.pop(name, None)
        return name

    def find_spec(self, fullname: str, *_: Any) -> ModuleSpec | None:
        is_package = any(name.startswith(f"{fullname}.") for name in self.blocks)
        if fullname not in self.blocks and not is_package:
            return None
        return ModuleSpec(fullname, self, is_package=is_package)

    def exec_module(self, module: ModuleType) -> None:
        if block := self.blocks.get(module.__name__):
            exec(block.compiled(), vars(module))

    def forget(self) -> None:
        """As if none of them had ever been imported."""
        for name in {*self.blocks, *(name.partition(".")[0] for name in self.blocks)}:
            sys.modules.pop(name, None)


class Shop(AppConfig):
    """The Django app that the pages write. It has no folder."""

    path = str(ROOT)

    def __init__(self) -> None:
        super().__init__("shop", ModuleType("shop"))
        self.apps, self.models = apps, apps.all_models["shop"]


class Reader:
    """Somebody who does what a page says, in a shell beside running workers."""

    def __init__(self, define: Callable[[Saga], Saga], worker: Worker) -> None:
        self.define, self.worker = define, worker
        self.files = Files()
        self.names: dict[str, Any] = {}
        self._known_before = dict(registry._sagas)

    def follow(self, chapter: Chapter) -> None:
        """Fails, with the line, where something else is seen than the page shows."""
        scene, *page = chapters(chapter.path)
        before = page[: [each.title for each in page].index(chapter.title)]
        for earlier in (chapters(TUTORIAL)[0], scene, *before):
            for block in earlier.blocks:
                if block.language == "python":
                    self.files.write(block)
        for block in (*scene.blocks, *chapter.blocks):
            if block.language == "python":
                self.save(block)
            elif block.language == "pycon":
                later = sum(float(each.removeprefix("later=")) for each in block.options)
                if later:
                    self.worker.wait(later)
                self.type(block)

    def save(self, block: Block) -> None:
        """Puts a file into its place, and does what follows from that."""
        try:
            module = import_module(self.files.write(block))
            for name, test in vars(module).items():
                if name.startswith("test_"):
                    test(**dict.fromkeys(signature(test).parameters, self.worker))
        except Exception:
            pytest.fail(f"{block.place()}:\n{traceback.format_exc()}", pytrace=False)
        if block.file.endswith("/sagas.py"):
            self.deploy(module)
        if block.file.endswith("/models.py"):
            with connection.schema_editor() as editor:
                for table in _tables():
                    editor.create_model(table)

    def deploy(self, module: ModuleType) -> None:
        """Starts everything anew, with the sagas of this file in the place of those before."""
        registry._sagas.clear()
        registry._sagas.update(self._known_before)
        for value in vars(module).values():
            if isinstance(value, Saga):
                self.define(value)
        registry.check_parts()

    def type(self, block: Block) -> None:
        """Types each line and compares what is seen; then the workers do what is due."""
        for example in doctest.DocTestParser().get_examples(block.text):
            place = block.place(example.lineno)
            test = doctest.DocTest([example], {}, place, str(block.path), 0, None)
            test.globs = self.names
            try:
                doctest.DebugRunner(verbose=False).run(test, clear_globs=False)
            except doctest.DocTestFailure as other:
                said = f"{example.source}is to show:\n{example.want}and shows:\n{other.got}"
                pytest.fail(f"{place}: {said}", pytrace=False)
            except doctest.UnexpectedException as raised:
                told = "".join(traceback.format_exception(*raised.exc_info))
                pytest.fail(f"{place}: {example.source}{told}", pytrace=False)
            self.worker.work_off()


def _tables() -> list[type[models.Model]]:
    return list(apps.all_models["shop"].values())


@contextmanager
def _shop(files: Files, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An installed app whose files are those of the page."""
    with monkeypatch.context() as patched:
        patched.setitem(apps.app_configs, "shop", Shop())
        patched.setattr(sys, "meta_path", [files, *sys.meta_path])
        yield
        with connection.schema_editor() as editor:
            for table in _tables():
                editor.delete_model(table)
        files.forget()
    del apps.all_models["shop"]
    apps.clear_cache()


@pytest.fixture
def reader(
    transactional_db: None, define: Any, saga_worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Reader]:
    reader = Reader(define, saga_worker)
    with _shop(reader.files, monkeypatch):
        yield reader


def _is_run(chapter: Chapter) -> bool:
    return any(NOT_RUN not in block.options for block in chapter.blocks)


CHAPTERS: Final = [each for page in PAGES for each in chapters(page)[1:] if _is_run(each)]


@pytest.mark.parametrize("chapter", CHAPTERS, ids=str)
def test_a_chapter_does_what_it_says(
    chapter: Chapter, reader: Reader, caplog: pytest.LogCaptureFixture
) -> None:
    reader.follow(chapter)
    for execution in SagaExecution.objects.all():
        check_history(execution.pk)
    assert not [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_block_is_run_or_says_that_it_is_not(page: Path) -> None:
    blocks = [block for chapter in chapters(page) for block in chapter.blocks]
    for block in blocks:
        lines = block.text.splitlines()
        match block.language:
            case "python":
                assert block.file, f"{block.place()}: name the file in the first line."
            case "pycon":
                is_whole = lines[0].startswith(">>> ") and "" not in lines
                assert is_whole, f"{block.place()}: doctest does not look past an empty line."
            case _:
                assert block.options == (NOT_RUN,), f"{block.place()}: mark it {NOT_RUN}."
    assert len([block for block in blocks if NOT_RUN in block.options]) <= MOST_NOT_RUN


@pytest.mark.parametrize("page", DOCS, ids=lambda page: page.name)
def test_a_page_imports_only_what_an_installed_wheel_has(page: Path) -> None:
    """No folder of this repository but the library's; and none of its private names."""
    text = page.read_text()
    own = re.findall(r"^[>. ]*(?:from|import) +tests\b.*", text, re.MULTILINE)
    private = re.findall(r"^[>. ]*(?:from|import) +sagas\b.*[. ]_.*", text, re.MULTILINE)
    assert not own + private, f"{page.name}: take it from sagas, or write it on the page."


@pytest.mark.parametrize(
    ("block", "line"),
    [
        ("pycon\n>>> 1 + 1\n2\n>>> 1 + 2\n2", "wrong.md, line 9: 1 \\+ 2\nis to show:\n2\n"),
        ("pycon\n>>> 1 / 0", "wrong.md, line 7: 1 / 0\n.*ZeroDivisionError"),
        ("pycon\n>>> int('a')\n1", "wrong.md, line 7: int.*ValueError"),
        ("python\n# shop/a.py\n\n1 / 0", "wrong.md, line 7:.*line 9, in <module>"),
        ("python\n# shop/a.py\ndef test_a():\n    assert False", "line 7:.*line 9, in test_a"),
    ],
    ids=["another result", "an error", "no error", "no module", "a failing test"],
)
def test_a_page_that_is_wrong_fails_with_its_line(
    block: str, line: str, tmp_path: Path, reader: Reader
) -> None:
    page = tmp_path / "wrong.md"
    page.write_text(f"# A page\n\n## The scene\n\n## A chapter\n```{block}\n```\n")
    with pytest.raises(pytest.fail.Exception, match=f"(?s){line}"):
        reader.follow(chapters(page)[1])
