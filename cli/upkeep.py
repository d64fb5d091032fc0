"""Upkeep: the commands for a library that is damaged, or of an older format."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cli import place
from cli.edge import CORRUPT
from cli.interrupts import Interrupts
from cli.output import as_json, count, plain, show, tell

if TYPE_CHECKING:
    from skillstore import Repair


@click.command("repair", epilog="Example: skillstore --library skills repair")
@click.option("--yes", is_flag=True, help="Do it; without, only say what it would give up.")
@as_json
def repair(yes: bool, as_json: bool) -> None:
    """Save what can be saved of a damaged library.

    Says what is damaged, and what repairing gives up. With --yes it is done, and the damaged files are kept aside.
    """
    from skillstore import repair as repaired

    place.check_single(place.local())
    with Interrupts():
        found = repaired(place.local(), apply=yes)
    data = {
        "ok": found.ok,
        "damaged": [damage._asdict() for damage in found.damaged],
        "gives_up": list(found.gives_up),
        "skills": found.skills,
        "kept_aside": list(found.kept_aside),
        "generation": found.generation,
    }
    show(data, _words(found), as_json)
    if not found.ok and not yes:
        tell("nothing was changed; repair --yes does it")
        click.get_current_context().exit(CORRUPT)


def _words(found: Repair) -> str:
    if found.ok:
        return f"nothing is damaged: {count(found.skills, 'skill')}"
    lines = [f"damaged: {plain(damage.file)} at byte {damage.offset}: {plain(damage.what)}" for damage in found.damaged]
    lines += [f"gives up: {plain(what)}" for what in found.gives_up] or ["gives up nothing"]
    lines += [f"kept aside: {plain(name)}" for name in found.kept_aside]
    done = "" if found.generation is None else f", generation {found.generation}"
    return "\n".join([*lines, f"{count(found.skills, 'skill')} {'are left' if not done else 'saved'}{done}"])


@click.command("migrate", epilog="Example: skillstore --library skills migrate")
@as_json
def migrate(as_json: bool) -> None:
    """Make the library the newest format.

    Older formats are read for ever, and the first change does the same.
    """
    from skillstore import migrate as migrated

    place.check_single(place.local())
    with Interrupts():
        done = migrated(place.local())
    words = (
        f"format {done['to']} already" if done["from"] == done["to"] else f"format {done['from']} became {done['to']}"
    )
    show(done, f"{words}, generation {done['generation']}", as_json)
