"""Asking: the commands that only read. They work while another process writes."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from cli import place
from cli.chosen import chosen_skill
from cli.given import Json, hint, state
from cli.output import as_json, count, plain, show, table, tell

if TYPE_CHECKING:
    from skillstore import Match, NearMiss, Skill

F = TypeVar("F", bound=Callable[..., Any])

SORTS: dict[str, Callable[[Skill], Any]] = {
    "id": lambda skill: skill.id,
    "name": lambda skill: (skill.name, skill.id),
    "uses": lambda skill: (-skill.times_used, skill.id),
    "success": lambda skill: (-skill.success_rate, -skill.times_used, skill.id),
}


def query(function: F) -> F:
    """The options that say a state, and what is looked for in it."""
    for option in (
        click.option("--top-k", type=click.IntRange(min=1), default=3, show_default=True, help="How many at most."),
        click.option("--embedding", type=Json(), help="Rank by similarity to this; else by how reliable they were."),
        click.option("--state", "form", type=Json(), help="The facts as a JSON object."),
        click.argument("facts", nargs=-1, metavar="[KEY=VALUE]..."),
    ):
        function = option(function)
    return function


@click.command("list", epilog="Example: skillstore --library skills list --sort uses --limit 10")
@click.option("--limit", type=click.IntRange(min=1), help="How many at most.")
@click.option("--sort", type=click.Choice(list(SORTS)), default="id", show_default=True, help="Best or first on top.")
@as_json
def list_skills(limit: int | None, sort: str, as_json: bool) -> None:
    """List the skills, without their embeddings."""
    from cli import rows

    with place.reading() as library:
        skills = heapq.nsmallest(limit or len(library), library, key=SORTS[sort])
    show([rows.data(skill) for skill in skills] if as_json else None, rows.skills_table(skills), as_json)
    if not skills:
        tell("the library has no skills yet; 'skillstore add' and 'skillstore train' bring some")


@click.command("show", epilog="Example: skillstore --library skills show 1")
@click.argument("skill", metavar="ID|NAME")
@as_json
def show_skill(skill: str, as_json: bool) -> None:
    """Show all there is to know of one skill.

    It is named by its id, or by its name where no other skill has that. What is both is taken as an id.
    """
    from cli import rows
    from skillstore.forms import skill_form

    with place.reading() as library:
        found = chosen_skill(library, skill)
    show({**skill_form(found), "success_rate": found.success_rate}, rows.page(found), as_json)


@click.command("search", epilog="Example: skillstore --library skills search has_key=true --top-k 2")
@query
@click.option("--min-similarity", type=float, help="Leave out what is less similar; needs --embedding.")
@click.option("--exact", is_flag=True, help="Never search approximately.")
@as_json
def search(
    facts: tuple[str, ...],
    form: Any,
    embedding: Any,
    top_k: int,
    min_similarity: float | None,
    exact: bool,
    as_json: bool,
) -> None:
    """Find the skills that apply in a state, best first.

    The state is --state and the KEY=VALUE pairs together. A VALUE is true, false, null, a number or other JSON, or else
    text; in double quotes everything is text. Without --embedding the skills that worked most reliably come first.
    """
    from cli import rows

    asked = state(form, facts)
    with place.reading() as library:
        matches = library.retrieve_skills(asked, embedding, top_k, min_similarity, exact)
    found = [{"similarity": match.similarity, "skill": rows.data(match.skill)} for match in matches]
    lines = [(_similarity(match), *rows.row(match.skill)) for match in matches]
    show(
        {"exact": matches.exact, "matches": found},
        table(("similarity", *rows.HEAD), lines) if lines else "",
        as_json,
    )
    if not matches:
        tell(f"no skill applies; 'skillstore why-not' with the same state says what is missing{hint(asked)}")


@click.command("why-not", epilog="Example: skillstore --library skills why-not has_key=false")
@query
@as_json
def why_not(facts: tuple[str, ...], form: Any, embedding: Any, top_k: int, as_json: bool) -> None:
    """Find skills that do not apply in a state, and why.

    The best of them, each with the facts that do not hold. The state and the ranking are those of search.
    """
    with place.reading() as library:
        misses = library.why_not(state(form, facts), embedding, top_k)
    show([_miss(miss) for miss in misses], "\n".join(_miss_words(miss) for miss in misses), as_json)
    if not misses:
        tell("every skill of the library applies in this state")


@click.command("stats", epilog="Example: skillstore --library skills stats --json")
@as_json
def stats(as_json: bool) -> None:
    """Say how much the library holds, and its settings."""
    with place.reading() as library:
        figures = library.get_stats()
    width = max(map(len, figures))
    words = "\n".join(f"{name.ljust(width)}  {_figure(figure)}" for name, figure in figures.items())
    show(figures, words, as_json)


@click.command("verify", epilog="Example: skillstore --library skills verify")
@as_json
def verify(as_json: bool) -> None:
    """Check every byte against its checksum."""
    with place.reading() as library:
        report = library.verify()
    words = f"ok: {count(report['skills'], 'skill')}, generation {report['generation']}, {report['bytes']} bytes"
    show(report, words, as_json)


def _similarity(match: Match | NearMiss) -> str:
    return "-" if match.similarity is None else f"{match.similarity:.3f}"


def _figure(figure: Any) -> str:
    if isinstance(figure, float):
        return f"{figure:.3f}"
    if isinstance(figure, dict):
        return ", ".join(f"{count} {name}" for name, count in figure.items() if count) or "-"
    return "-" if figure is None else plain(str(figure))


def _miss(miss: NearMiss) -> dict[str, Any]:
    from cli import rows
    from skillstore.values import tagged

    unmet = {
        name: {"required": rows.condition(required), "state": tagged(has, text=True)}
        for name, (required, has) in miss.unmet.items()
    }
    return {"similarity": miss.similarity, "skill": rows.data(miss.skill), "unmet": unmet}


def _miss_words(miss: NearMiss) -> str:
    from cli import rows

    head = f"{miss.skill.id}  {plain(miss.skill.name)}  (similarity {_similarity(miss)})"
    unmet = [
        f"    {plain(name)}: needs {rows.words(required)}, the state has {_has(has)}"
        for name, (required, has) in miss.unmet.items()
    ]
    return "\n".join([head, *unmet])


def _has(value: Any) -> str:
    from cli import rows

    return "nothing" if value is None else rows.value(value)
