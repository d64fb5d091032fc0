"""Walk: somebody works on the files of a library while it is written, read and served.

A round opens a library, lets a thread add to it, does one hostile thing at a random moment, goes on adding, closes
everything and looks at what is left. Nothing that was acknowledged may be gone without a word, no other library may be
changed, and every refusal must be one of the library's errors.
"""

from __future__ import annotations

import os
import random
import shutil
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from skillstore import Skill, SkillLibrary, SkillStoreError, restore

Act: TypeAlias = Callable[["Round"], None]
Serve: TypeAlias = Callable[[Path], AbstractContextManager[tuple[str, object]]]
_OF_ANOTHER = {"of another", "and a second", "of another, later"}
MEANWHILE = 0.01
"""Seconds within which the hostile thing happens, and for which adding goes on after it."""


@dataclass
class Added:
    """A skill that was acknowledged, and when its addition began (seconds of `time.perf_counter`)."""

    name: str
    began: float


@dataclass
class Round:
    """One round below `top`.

    serve   serves a directory of libraries at the address it yields; None: the library is opened in this process
    told    the errors of the tree that were raised
    wrong   what must not be
    """

    top: Path
    random: random.Random
    serve: Serve | None = None
    added: list[Added] = field(default_factory=list)
    told: list[SkillStoreError] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    behind: str = ""
    acted: float = float("inf")
    foreign: dict[Path, set[str]] = field(default_factory=dict)

    @property
    def library(self) -> Path:
        return self.top / "parent" / "skills"

    @property
    def other(self) -> Path:
        return self.top / "other" / "skills"

    def run(self, act: Act) -> None:
        """Everything from opening to looking; `wrong` says what was found."""
        self._prepare()
        with ExitStack() as stack:
            self._live(act, *self._open(stack))
        self._look()

    def _open(self, stack: ExitStack) -> list[SkillLibrary]:
        """Who writes, and who reads."""
        if self.serve is not None:
            address, _ = stack.enter_context(self.serve(self.library.parent))
            return [SkillLibrary.open(f"{address}/skills"), SkillLibrary.open(f"{address}/skills", mode="r")]
        here = Path.cwd()
        try:
            os.chdir(self.library.parent)
            writer = SkillLibrary.open("skills" if self.random.random() < 0.5 else self.library)
            return [writer, SkillLibrary.open("skills", mode="r")]
        finally:
            os.chdir(here)

    def _live(self, act: Act, opened: SkillLibrary, *readers: SkillLibrary) -> None:
        stop = threading.Event()
        work = [threading.Thread(target=self._add, args=(opened, stop))]
        work += [threading.Thread(target=self._read, args=(reader, stop)) for reader in readers]
        for thread in work:
            thread.start()
        time.sleep(self.random.random() * MEANWHILE)
        act(self)
        self.acted = time.perf_counter()
        time.sleep(MEANWHILE)
        stop.set()
        for thread in work:
            thread.join()
        self._call(opened.get_stats)  # a server tells what happened to a library when it is asked of it again
        for library in (opened, *readers):
            self._call(library.close)

    def _prepare(self) -> None:
        for place, names in ((self.library, ("first",)), (self.other, ("of another", "and a second"))):
            place.parent.mkdir(parents=True)
            with SkillLibrary.open(place, embedding_dim=2, same_skill=None) as library:
                for name in names:
                    library.add_skill(_skill(name))
                library.snapshot()
                library.add_skill(_skill(f"{names[0]}, later"))
                library.backup(place.parent / "backup")
        self.added = [Added("first", 0.0), Added("first, later", 0.0)]
        self.foreign[self.other] = _OF_ANOTHER
        shutil.copytree(self.library, self.top / "old copy")

    def _add(self, library: SkillLibrary, stop: threading.Event) -> None:
        number = 0
        while not stop.is_set():
            number += 1
            began, name = time.perf_counter(), f"added {number}"
            if self._call(library.add_skill, _skill(name)):
                self.added.append(Added(name, began))
            if number % 7 == 0:
                self._call(self.random.choice([library.snapshot, library.compact, library.verify]))

    def _read(self, library: SkillLibrary, stop: threading.Event) -> None:
        while not stop.is_set():
            before = len(self.added)
            self._call(lambda before=before: self._check_read({skill.name for skill in library}, before))

    def _check_read(self, names: set[str], before: int) -> None:
        missing = {added.name for added in self.added[:before]} - names
        if missing:  # a reader shows what stands there; where that was cut, somebody has to say so
            self.behind = f"a reader did not see {sorted(missing)[:3]}, which had been acknowledged"
        if names & _OF_ANOTHER and self.serve is None:  # a server tells it once, and goes on with what stands there
            self.wrong.append("a reader answered from another library")

    def _call(self, function: Callable[..., object], *given: object) -> bool:
        try:
            function(*given)
        except SkillStoreError as error:
            self.told.append(error.with_traceback(None))
            return False
        except Exception as error:  # noqa: BLE001 - whatever it is, it is not of the tree
            self.wrong.append(f"{type(error).__name__}: {error}")
            return False
        return True

    def _look(self) -> None:
        for place, names in self.foreign.items():
            found = self._names(place)
            if found != names:
                self.wrong.append(f"another library, at {place.relative_to(self.top)}, holds {found}, not {names}")
        kept: set[str] = set()
        for place in sorted({path.parent for path in self.top.rglob("MANIFEST")}):
            if place not in self.foreign and place.name != "old copy":
                kept |= self._names(place)
        gone = [added for added in self.added if added.name not in kept]
        late = [added.name for added in gone if added.began > self.acted]
        if self.behind and not self.told:
            self.wrong.append(self.behind)
        if gone and not self.told:
            self.wrong.append(f"{[added.name for added in gone][:3]} are gone, and nobody was told")
        if late and not any("damaged" in str(error) for error in self.told):
            self.wrong.append(f"{late[:3]} were acknowledged after it, and are on no disk")

    def _names(self, place: Path) -> set[str]:
        names: set[str] = set()
        self._call(lambda: names.update(skill.name for skill in _everything(place)))
        return names


def _everything(place: Path) -> list[Skill]:
    with SkillLibrary.open(place, mode="r") as library:
        library.verify()
        return list(library)


def _skill(name: str) -> Skill:
    return Skill(name, {"name": name}, ["go"], [1, 0])


def _tolerant(act: Act) -> Act:
    def tried(now: Round) -> None:
        with suppress(FileNotFoundError, shutil.Error):  # the library itself has just removed it
            act(now)

    tried.__name__ = act.__name__
    return tried


# what somebody does to directories


def _aside(directory: Path) -> Path:
    return directory.with_name(f"{directory.name} aside")


def move(now: Round) -> None:
    now.library.rename(_aside(now.library))


def move_parent(now: Round) -> None:
    now.library.parent.rename(_aside(now.library.parent))


def move_and_back(now: Round) -> None:
    move(now)
    time.sleep(now.random.random() * MEANWHILE)
    _aside(now.library).rename(now.library)


def remove(now: Round) -> None:
    shutil.rmtree(now.library, ignore_errors=True)
    shutil.rmtree(now.library, ignore_errors=True)  # what was just being written


def move_and_begin_anew(now: Round) -> None:
    move(now)
    _begin_anew(now)


def remove_and_begin_anew(now: Round) -> None:
    remove(now)
    _begin_anew(now)


def _begin_anew(now: Round) -> None:
    if now.library.exists():  # the server was faster
        return
    with SkillLibrary.open(now.library, embedding_dim=2) as library:
        library.add_skill(_skill("of the new one"))
    if not now.serve:
        now.foreign[now.library] = {"of the new one"}


def move_and_restore(now: Round) -> None:
    move(now)
    if not now.library.exists():
        restore(now.library.parent / "backup", now.library)


def move_and_copy_back(now: Round) -> None:
    move(now)
    if not now.library.exists():
        shutil.copytree(now.top / "old copy", now.library)


def put_other_in_place(now: Round) -> None:
    move(now)
    now.other.rename(now.library)
    now.foreign[now.library] = now.foreign.pop(now.other)
    now.foreign[now.other] = set()
    if now.serve:
        now.foreign.pop(now.library)


def relink(now: Round) -> None:
    """The name becomes a symbolic link to another library."""
    move(now)
    now.library.symlink_to(now.other)
    if now.serve:
        now.foreign.pop(now.other)


def link_to_itself(now: Round) -> None:
    """The directory moves, and a link at its name leads to it: what stands there is the same."""
    move(now)
    now.library.symlink_to(_aside(now.library))


def put_file_in_place(now: Round) -> None:
    move(now)
    now.library.write_text("a file")


def change_directory(now: Round) -> None:
    here = Path.cwd()
    os.chdir(now.other.parent)
    time.sleep(MEANWHILE)
    os.chdir(here)


@_tolerant
def copy_over_all(now: Round) -> None:
    """An old copy of the library is copied over it, file by file, as `cp -r` does."""
    shutil.copytree(now.top / "old copy", now.library, dirs_exist_ok=True)


@_tolerant
def copy_other_over_all(now: Round) -> None:
    shutil.copytree(now.other, now.library, dirs_exist_ok=True)


DIRECTORY_ACTS: list[Act] = [
    move, move_parent, move_and_back, remove, move_and_begin_anew, remove_and_begin_anew, move_and_restore,
    move_and_copy_back, put_other_in_place, relink, link_to_itself, put_file_in_place, change_directory, copy_over_all,
    copy_other_over_all,
]  # fmt: skip

# and to files


def _some_file(now: Round) -> Path:
    names = sorted(os.listdir(now.library))  # noqa: PTH208
    return now.library / now.random.choice(names)


@_tolerant
def remove_file(now: Round) -> None:
    _some_file(now).unlink()


@_tolerant
def move_file(now: Round) -> None:
    file = _some_file(now)
    file.rename(now.top / file.name)


@_tolerant
def replace_by_copy(now: Round) -> None:
    """As an editor or a synchronising program does: a copy, renamed over the file."""
    file = _some_file(now)
    shutil.copy2(file, now.top / "copy")
    (now.top / "copy").rename(file)


@_tolerant
def replace_by_old(now: Round) -> None:
    file = _some_file(now)
    shutil.copy2(now.top / "old copy" / file.name, now.top / "copy")
    (now.top / "copy").rename(file)


@_tolerant
def copy_old_over(now: Round) -> None:
    file = _some_file(now)
    shutil.copyfile(now.top / "old copy" / file.name, file)


@_tolerant
def copy_other_over(now: Round) -> None:
    file = _some_file(now)
    shutil.copyfile(now.other / file.name, file)


@_tolerant
def cut(now: Round) -> None:
    file = _some_file(now)
    os.truncate(file, file.stat().st_size // 2)


@_tolerant
def link_to_other(now: Round) -> None:
    file = _some_file(now)
    file.unlink()
    file.symlink_to(now.other / file.name)


@_tolerant
def hard_link_other(now: Round) -> None:
    file = _some_file(now)
    os.link(now.other / file.name, now.top / "link")
    (now.top / "link").replace(file)


FILE_ACTS: list[Act] = [
    remove_file, move_file, replace_by_copy, replace_by_old, copy_old_over, copy_other_over, cut, link_to_other,
    hard_link_other,
]  # fmt: skip


def walk(top: Path, seed: int, act: Act, serve: Serve | None = None) -> Round:
    """One round in a new directory `top`."""
    top.mkdir()
    now = Round(top, random.Random(seed), serve)
    now.run(act)
    return now
