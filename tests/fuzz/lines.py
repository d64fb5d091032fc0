"""Lines: an export as somebody made it, imported into an empty library or one that has skills."""

from __future__ import annotations

import json
from contextlib import suppress

from skillstore import SkillLibrary, SkillStoreError
from skillstore.forms import skill_form
from skillstore.interchange import export_lines, import_lines
from tests.fuzz import seeds
from tests.fuzz.forms import Reader

_ABOUT = json.dumps({"skillstore": [1, 0], "embedding_dim": seeds.DIM, "encoder": None, "notes": {}})
_HEADED, _FILLED, _FORMS = 1, 2, 4  # bits of the first byte


def corpus() -> list[bytes]:
    made = SkillLibrary(seeds.DIM)
    made.add_skills(seeds.skills())
    made.notes["plan"] = {"$": (1, b"x")}
    about, *lines = [line.encode() for line in export_lines(made)]
    skills = [bytes([_HEADED | _FILLED]) + line for line in lines]
    return [b"\0" + b"\n".join([about, *lines]), *skills, bytes([_FORMS]) + b"\1\1\x41", bytes([_FORMS]) + b"\0\0\x82"]


def run(data: bytes) -> None:
    mode, text = data[0] if data else 0, data[1:].decode("utf-8", "surrogateescape")
    if mode & _FORMS:
        text = _changed(Reader(data[1:]))
    library = SkillLibrary(seeds.DIM)
    if mode & _FILLED:
        library.add_skill(seeds.skills()[0])
    with suppress(SkillStoreError):
        import_lines(library, [*([_ABOUT] if mode & _HEADED else []), *text.split("\n")])
        list(export_lines(library))


def _changed(reader: Reader) -> str:
    """Two lines of which one holds something else."""
    lines = [json.loads(_ABOUT), skill_form(seeds.skills()[reader.byte() % 5])]
    line = lines[reader.byte() % 2]
    line[list(line)[reader.byte() % len(line)]] = reader.form()
    return "\n".join(json.dumps(each, default=repr) for each in lines)
