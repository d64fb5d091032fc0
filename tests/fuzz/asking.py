"""Asking: everything that can be asked of a library that opened; only errors of the tree may come of it."""

from __future__ import annotations

from contextlib import suppress
from unittest import mock

from skillstore import SkillLibrary, SkillStoreError
from skillstore.local import segment
from tests.fuzz.seeds import changes


def ask(library: SkillLibrary) -> None:
    state, query = {"key": False, "n": 1, "color": "red"}, [1.0] * library.embedding_dim
    with mock.patch.object(segment, "_FEW", 1), mock.patch.object(segment, "_MANY", 1):  # cells are asked
        for ways in ({}, {"query_embedding": query}, {"query_embedding": query, "exact": True}):
            with suppress(SkillStoreError):
                library.retrieve_skills(state, top_k=3, **ways)
    with suppress(SkillStoreError):
        library.why_not(state, query, 2)
    with suppress(SkillStoreError):
        list(library)
    for key in library.notes:
        with suppress(SkillStoreError):
            library.notes[key]
    library.get_stats()


def change(library: SkillLibrary) -> None:
    """Go on with a library that opened to be written."""
    for step in (changes, SkillLibrary.snapshot, SkillLibrary.compact):
        with suppress(SkillStoreError):
            step(library)
