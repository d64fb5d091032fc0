"""Chosen: the skill that people mean, by its id, or by a name that no other skill has."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from skillstore import Skill, SkillLibrary

_SHOWN = 10  # ids in an error


def chosen_skill(library: SkillLibrary, word: str) -> Skill:
    """The skill with the id `word`, or else the one with that name. Cost of a name: all skills are read.

    Raises SkillNotFoundError, and InvalidInputError with their ids if several skills have the name.
    """
    from skillstore import InvalidInputError, SkillNotFoundError

    is_id = word.isascii() and word.isdecimal() and len(word) < 20
    if is_id:
        try:
            return library.get_skill(int(word))
        except SkillNotFoundError as error:
            missing = error
    found = [skill for skill in library if skill.name == word]
    if len(found) == 1:
        return found[0]
    if not found:
        raise missing if is_id else SkillNotFoundError(f"no skill is called {word!r:.80}; 'list' shows ids and names")
    ids = ", ".join(str(skill.id) for skill in found[:_SHOWN]) + (", ..." if len(found) > _SHOWN else "")
    raise InvalidInputError(f"{len(found)} skills are called {word!r:.80}: give the id of one of them: {ids}")
