"""Check: open what a crash left, and say what is wrong with it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import skillstore
from skillstore import LibraryNotFoundError, Skill, SkillLibrary, SkillStoreError
from skillstore.local import manifest
from skillstore.local.directory import SEAL
from skillstore.local.files import Files
from skillstore.local.journal import read_seal
from skillstore.local.manifest import Manifest
from tests.crashes import image
from tests.crashes.image import Image
from tests.crashes.life import LIBRARY, Contents, State, contents
from tests.skillstore.scan import Scan, answers

UNOPENABLE, LOST, TORN, UNSTABLE = "unopenable", "lost", "torn", "unstable"
ASKED = {"n": 1, "color": "red"}


class WrongError(Exception):
    """What was left is not what may be left; `kind` is one of the four above."""

    def __init__(self, kind: str, what: str) -> None:
        super().__init__(f"{kind}: {what}")
        self.kind = kind


def check(left: Image, before: Sequence[State], allowed: Sequence[State], scratch: Path) -> None:
    """Raises WrongError unless the image is one of the `allowed` states, and a library can live on in it.

    `before` are the states that were given up for good. Works in `scratch`, a directory of the caller's.
    """
    place = scratch / "image"
    shutil.rmtree(place, ignore_errors=True)
    image.written(left, place)
    named, sealed = _said(place / LIBRARY)
    found = State(tuple((name, _held(place / name)) for name, _ in allowed[-1].places))
    matching = [state for state in allowed if _same(state, found)]
    if not matching:
        raise WrongError(LOST if any(_same(state, found) for state in before) else TORN, repr(found)[:2000])
    if not sealed and all(state.sealed for state in matching):
        raise WrongError(LOST, "the seal of a clean end")
    if named is not None and named.format != manifest.FORMAT and not _same([*before, *allowed][0], found):
        raise WrongError(UNSTABLE, "its MANIFEST says an older format, but it was changed since")


def _same(state: State, found: State) -> bool:
    """Whether all that was found is what the state says; of places that it does not name, that nothing is there."""
    return all(held == dict(state.places).get(name) for name, held in found.places)


def _held(place: Path) -> Contents | None:
    """What is at a place: a library, or a backup, of which one can be made."""
    if place.suffix != ".backup":
        return _recovered(place)
    if not place.exists():
        return None
    again = place.with_name("again")
    with _right(UNOPENABLE):
        skillstore.restore(place, again)
    return _recovered(again)


def _recovered(place: Path) -> Contents | None:
    """What a reader sees, and then a writer. Its recovery changes nothing when done again, and a change is taken."""
    seen = None
    with _right(UNOPENABLE), SkillLibrary.open(place, mode="r") as library:
        seen = contents(library)
    with _right(UNOPENABLE), SkillLibrary.open(place, embedding_dim=None if seen else 2) as library:
        again, left = contents(library), image.read(place)
    if SEAL not in left:
        (place / SEAL).unlink()
    with _right(UNSTABLE), SkillLibrary.open(place) as library:
        if image.read(place) != left or contents(library) != again:
            raise WrongError(UNSTABLE, "a second recovery changes something")
        if again != seen and (seen is not None or again[1:] != ((), ())):
            raise WrongError(UNSTABLE, f"a reader saw {seen}, the writer {again}")
        library.verify()
        _check_requests(library)
        later = library.add_skill(Skill("afterwards", {"after": 1}, ["go"], [1.0] * library.embedding_dim)).skill
    with _right(UNSTABLE), SkillLibrary.open(place, mode="r") as library:
        skills = list(library)
        if skills[-1] != later or len(skills) != len(again[1]) + 1:
            raise WrongError(UNSTABLE, "a change after recovery is not there")
        _check_answers(skills, library)
    return seen


@contextmanager
def _right(otherwise: str) -> Iterator[None]:
    """Raises WrongError of the kind `otherwise` for any error but that there is no library."""
    try:
        yield
    except LibraryNotFoundError:
        pass
    except WrongError:
        raise
    except Exception as error:
        raise WrongError(otherwise, repr(error)) from error


def _check_answers(skills: Sequence[Skill], library: SkillLibrary) -> None:
    """The answers are those of a linear scan over what is there."""
    scan = Scan()
    for skill in skills:
        scan.restore(skill)
    query = [1.0] * library.embedding_dim
    if answers(library.retrieve_skills(ASKED, query, top_k=3)) != scan.retrieve(ASKED, query, 3):
        raise WrongError(UNSTABLE, "another answer than that of the scan")


def _check_requests(library: SkillLibrary) -> None:
    """Whatever was done on request is remembered with its answer: the workloads name such skills after the request."""
    for skill in library:
        if skill.name.startswith("request ") and library.once(skill.name, lambda: "done again") != skill.id:
            raise WrongError(TORN, f"{skill.name} is done, but its answer is not kept")


def _said(place: Path) -> tuple[Manifest | None, bool]:
    """The MANIFEST, and whether there is a seal to it; what cannot be read is found out by opening it."""
    files = Files(place)
    try:
        named = manifest.read(files)
        return named, read_seal(files, named) is not None
    except (OSError, SkillStoreError):
        return None, False
