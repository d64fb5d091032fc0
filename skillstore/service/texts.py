"""Texts: what a library's encoder makes of words that came instead of an embedding."""

from __future__ import annotations

import json
from typing import Any

from skillstore.embedding import Vector
from skillstore.encoders import Encoder, encoder_named
from skillstore.errors import InvalidInputError
from skillstore.forms import embedding_of, skill_of
from skillstore.library import SkillLibrary
from skillstore.service.fields import MAX_TEXT
from skillstore.service.requests import KeptSkill, NewSkill
from skillstore.skill import Skill


def encoder_of(library: SkillLibrary) -> Encoder | None:
    """The library's encoder, if it is known here and makes embeddings of the right length."""
    encoder = encoder_named(library.encoder)
    return encoder if encoder is not None and encoder.dim == library.embedding_dim else None


def query(library: SkillLibrary, embedding: list[float] | str | None, text: str | None) -> list[float] | Vector | None:
    """What to rank by; None: by outcomes. Raises InvalidInputError."""
    if text is not None:
        return _encoder(library).encode(text)
    return embedding_of(embedding) if isinstance(embedding, str) else embedding


def new_skill(library: SkillLibrary, given: NewSkill | KeptSkill) -> Skill:
    """The Skill of a request. Raises InvalidInputError."""
    form = {name: value for name, value in given if name not in ("text", "embedding")}
    if given.embedding is not None:
        return skill_of({**form, "embedding": given.embedding})
    text = given.text if isinstance(given, NewSkill) else None
    vector = _encoder(library).encode(text or words(form))
    return skill_of({**form, "embedding": vector.tolist()})


def words(form: dict[str, Any]) -> str:
    """What a skill says of itself, for an encoder: its name, preconditions and actions."""
    parts = (form["name"], form["preconditions"], form["action_sequence"])
    return " ".join(part if type(part) is str else json.dumps(part, ensure_ascii=False) for part in parts)[:MAX_TEXT]


def _encoder(library: SkillLibrary) -> Encoder:
    encoder = encoder_of(library)
    if encoder is None:
        raise InvalidInputError(
            f"an embedding of {library.embedding_dim} numbers is needed: the library's encoder is "
            f"{library.encoder!r}, which this server cannot run"
        )
    return encoder
