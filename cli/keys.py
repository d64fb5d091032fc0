"""Keys: the commands about who may ask the service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cli import place
from cli.output import as_json, show, table, tell

if TYPE_CHECKING:
    from skillstore.service.keys import Key, Keys


@click.group("keys", epilog="Example: skillstore --library memories keys add laptop --role write --for household")
def keys() -> None:
    """Say who may ask the service, and what."""


@keys.command("add", epilog="Example: skillstore --library memories keys add laptop --role read")
@click.argument("name")
@click.option("--role", type=click.Choice(["read", "write", "admin"]), default="read", show_default=True,
              help="What it may: ask; change skills, too; everything.")  # fmt: skip
@click.option("--for", "libraries", multiple=True, metavar="LIBRARY", help="Only this one; again for more. None: all.")
@as_json
def add(name: str, role: str, libraries: tuple[str, ...], as_json: bool) -> None:
    """Make a key, and print it: it is never shown again.

    A running service knows it within a second, and asks everybody for a key from then on.
    """
    key, words = _keys().add(name, role, list(libraries) or None)
    show({**_data(key), "key": words}, words, as_json)
    tell(f"key {key.id} may {role} {', '.join(key.libraries) if key.libraries else 'all libraries'}; keep it, it is "
         "not shown again")  # fmt: skip


@keys.command("list", epilog="Example: skillstore --library memories keys list")
@as_json
def list_keys(as_json: bool) -> None:
    """List the keys, without what is secret about them."""
    found = _keys().all()
    rows = [(key.id, key.name, key.role, ", ".join(key.libraries or ["all"]), key.created) for key in found]
    words = table(("id", "name", "role", "libraries", "created"), rows) if rows else ""
    show([_data(key) for key in found], words, as_json)
    if not found:
        tell("there are no keys: the service is for this machine only, and asks for none")


@keys.command("remove", epilog="Example: skillstore --library memories keys remove 0123456789ab")
@click.argument("word", metavar="ID|NAME")
@as_json
def remove(word: str, as_json: bool) -> None:
    """Remove a key: within a second nobody is let in by it.

    It is named by its id, or by its name where no other key has that.
    """
    known = _keys()
    key = known.remove(_id(known, word))
    show(_data(key), "", as_json)
    tell(f"removed key {key.id} ({key.name})")


def _id(known: Keys, word: str) -> str:
    """The id of the key that `word` names; `word` itself, if none. Raises UsageError if several have the name."""
    found = [key.id for key in known.all() if word in (key.id, key.name)]
    if word in found or not found:
        return word
    if len(found) > 1:
        raise click.UsageError(f"{len(found)} keys are called {word!r:.80}; give the id of one: {', '.join(found)}")
    return found[0]


def _keys() -> Keys:
    from skillstore.service.keys import Keys

    return Keys(place.directory())


def _data(key: Key) -> dict[str, Any]:
    return {"id": key.id, "name": key.name, "role": key.role, "libraries": key.libraries, "created": key.created}
