"""Changing: the commands that change a library. All but add work only on a library that is there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from cli import place
from cli.chosen import chosen_skill
from cli.given import Json, called, conditions, lines, whole
from cli.interrupts import Interrupts
from cli.output import as_json, count, plain, show
from cli.paths import Given

if TYPE_CHECKING:
    from skillstore import Added, Additions, Skill

T = TypeVar("T")


@click.command("add", epilog="Example: skillstore --library skills add open_door --action push --embedding '[0, 1]'")
@click.argument("name", required=False)
@click.option("--action", "steps", multiple=True, metavar="TEXT", help="One action; give it again for the next.")
@click.option("--actions", type=Json(), help="All actions as a JSON list, structured ones too.")
@click.option("--preconditions", type=Json(), help="Facts that must hold; none: applies everywhere.")
@click.option("--embedding", type=Json(), help="Its context as a list of numbers.")
@click.option("--metadata", type=Json(), help="Anything of your own, a JSON object.")
@click.option("--from", "file", type=Given(str), metavar="FILE", help="Add the skills of a file instead (- for stdin).")
@as_json
def add(
    name: str | None,
    steps: tuple[str, ...],
    actions: Any,
    preconditions: Any,
    embedding: Any,
    metadata: Any,
    file: str | None,
    as_json: bool,
) -> None:
    """Add a skill, or those of a file.

    A condition is a value, {"$one_of": [...]} or {"$interval": [low, high]}; null asks that the fact is absent. A
    file holds one JSON object a line, in the form of export without its first line.

    A skill much like one that is there is merged into it. The first skill makes the library: its embedding says how
    many dimensions all have.
    """
    if file is not None:
        if steps or any(given is not None for given in (name, actions, preconditions, embedding, metadata)):
            raise click.UsageError("--from FILE says all; leave out everything else")
        _add_file(file, as_json)
        return
    if name is None or embedding is None or (actions is None) == (not steps):
        raise click.UsageError("a skill needs NAME, --embedding, and either --action (once or more) or --actions")
    _add_one(name, preconditions, list(steps) if actions is None else actions, embedding, metadata, as_json)


def _add_one(name: str, preconditions: Any, actions: Any, embedding: Any, metadata: Any, as_json: bool) -> None:
    from cli import rows
    from skillstore import Skill
    from skillstore.values import untagged

    needs = {} if preconditions is None else conditions(preconditions)
    skill = Skill(name, needs, untagged(actions), embedding, untagged(metadata))
    with Interrupts(), place.writing(embedding_dim=len(skill.embedding)) as library:
        added = library.add_skill(skill)
    data = {"id": added.skill.id, "created": added.created, "similarity": added.similarity}
    show({**data, "skill": rows.data(added.skill)}, _became(added), as_json)


def _add_file(file: str, as_json: bool) -> None:
    from skillstore import InvalidInputError

    skills = _skills(file)
    with Interrupts() as interrupts:
        with interrupts.allowed():
            first = next(skills, None)
        if first is None:
            raise InvalidInputError(f"there is no skill in {called(file)}; give one JSON object a line")
        with place.writing(embedding_dim=len(first.embedding)) as library:
            additions = library.add_skills(interrupts.between(chain([first], skills)))
            total = len(library)
    show(each(additions), summary(additions, total), as_json)


def _skills(file: str) -> Iterator[Skill]:
    """The skills of a file: one a line, or one JSON object or array over many lines. Errors say where."""
    from skillstore.forms import parsed, skill_of

    filled = ((number, line) for number, line in enumerate(lines(file), start=1) if line.strip())
    number, first = next(filled, (0, ""))
    if _is_json(first):
        for place_in_file, line in chain([(number, first)], filled):
            yield _within(f"{called(file)}, line {place_in_file}", lambda text: skill_of(parsed(text)), line)
    elif first:
        forms = _within(called(file), parsed, whole(chain([first], (line for _, line in filled))))
        for position, form in enumerate(forms if isinstance(forms, list) else [forms], start=1):
            yield _within(f"{called(file)}, skill {position}", skill_of, form)


def _is_json(text: str) -> bool:
    from skillstore import InvalidInputError
    from skillstore.forms import parsed

    try:
        return isinstance(parsed(text), dict)
    except InvalidInputError:
        return False


def _within(where: str, read: Callable[[Any], T], given: Any) -> T:
    from skillstore import InvalidInputError

    try:
        return read(given)
    except (InvalidInputError, RecursionError, OverflowError) as error:
        raise InvalidInputError(f"{where}: {error}") from None


def each(additions: Additions) -> list[dict[str, Any]]:
    """What became of each added skill, as JSON."""
    columns = zip(additions.ids.tolist(), additions.created.tolist(), additions.similarities.tolist(), strict=True)
    return [
        {"id": skill_id, "created": created, "similarity": None if similarity != similarity else similarity}
        for skill_id, created, similarity in columns
    ]


def summary(additions: Additions, total: int) -> str:
    """What became of all of them, in words."""
    created = int(additions.created.sum())
    merged = len(additions) - created
    words = f"{count(created, 'skill')} created, {merged} merged into skills much like them"
    return f"{words}; the library has {count(total, 'skill')}"


def _became(added: Added) -> str:
    skill = f"skill {added.skill.id} ({plain(added.skill.name)})"
    if added.similarity is None:
        return f"created {skill}"
    learned = count(added.skill.times_learned, "time")
    return f"merged into {skill}: similarity {added.similarity:.3f}; it was learned {learned}"


@click.command("remove", epilog="Example: skillstore --library skills remove 2")
@click.argument("words", metavar="ID|NAME...", nargs=-1, required=True)
@as_json
def remove(words: tuple[str, ...], as_json: bool) -> None:
    """Forget skills.

    All that are named, or none if one of them is not there. Each is named by its id, or by its name where no other
    skill has that. Ids are never given again.
    """
    with Interrupts(), place.writing() as library, library.batch():
        found = {cast("int", skill.id): skill for skill in (chosen_skill(library, word) for word in words)}
        for skill_id in found:
            library.remove_skill(skill_id)
    said = "\n".join(f"removed skill {skill.id} ({plain(skill.name)})" for skill in found.values())
    show([{"id": skill.id, "name": skill.name} for skill in found.values()], said, as_json)


@click.command("snapshot", epilog="Example: skillstore --library skills snapshot")
@as_json
def snapshot(as_json: bool) -> None:
    """Start the next generation on the disk.

    What the journal holds becomes files that never change. Happens by itself when the journal grows long.
    """
    with Interrupts(), place.writing() as library:
        generation = library.snapshot()
    show({"generation": generation}, f"generation {generation}", as_json)


@click.command("compact", epilog="Example: skillstore --library skills compact")
@as_json
def compact(as_json: bool) -> None:
    """Snapshot, and give back the room of removed skills."""
    with Interrupts(), place.writing() as library:
        library.compact()
        generation = library.snapshot()  # until then the generation before keeps its room
        size = library.get_stats()["disk_bytes"]
    show({"generation": generation, "disk_bytes": size}, f"generation {generation}, {size} bytes", as_json)
