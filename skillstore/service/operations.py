"""Operations: everything that can be asked of a library from outside, each said once.

An operation that reads returns its reply. One that writes has two halves: `change` returns a receipt, plain JSON and
short, which is kept with the commit where the request has an id; `answer` makes the reply of it, now or when the
request comes again. `skillstore.service.service.Service` carries them out; HTTP, MCP and the page only loop over them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from skillstore.errors import SkillNotFoundError
from skillstore.library import SkillLibrary
from skillstore.service import browsing, likeness, replies, requests, texts
from skillstore.service.callers import Role
from skillstore.service.refusals import ChangedMeanwhileError, NoteNotFoundError
from skillstore.service.shown import Embeddings, match_data, miss_data, skill_data, version
from skillstore.skill import Skill
from skillstore.values import tagged, untagged

_LOOKED_AT = 10_000
"""Skills that one page with a filter looks at; where they are not enough, `next` goes on."""


@dataclass(frozen=True)
class Operation:
    """`change(library, request)` returns the reply, or the receipt of which `answer(library, request, receipt)` makes
    it. Those of `skillstore.service.service` have no `change`: the service itself carries them out.
    """

    name: str
    summary: str
    role: Role
    request: type[requests.Request]
    reply: type[replies.Reply]
    writes: bool = False
    change: Callable[[SkillLibrary, Any], Any] | None = None
    answer: Callable[[SkillLibrary, Any, Any], dict[str, Any]] | None = None
    about_a_library: bool = True


# reading


def _retrieve(library: SkillLibrary, asked: requests.RetrieveSkills) -> dict[str, Any]:
    query = texts.query(library, asked.embedding, asked.text)
    found = library.retrieve_skills(asked.state, query, asked.k, asked.min_similarity, asked.exact)
    return {"matches": [match_data(match, asked.embeddings) for match in found], "exact": found.exact}


def _why_not(library: SkillLibrary, asked: requests.WhyNot) -> dict[str, Any]:
    missed = library.why_not(asked.state, texts.query(library, asked.embedding, asked.text), asked.k)
    return {"near_misses": [miss_data(miss, asked.embeddings) for miss in missed]}


def _get(library: SkillLibrary, asked: requests.GetSkill) -> dict[str, Any]:
    return _whole(library.get_skill(asked.id), asked.embeddings)


def _whole(skill: Skill, embeddings: Embeddings) -> dict[str, Any]:
    return {"skill": skill_data(skill, embeddings), "version": version(skill)}


def _list(library: SkillLibrary, asked: requests.ListSkills) -> dict[str, Any]:
    page: list[Skill] = []
    last, ended = asked.after, asked.limit == 0
    if asked.limit:
        skills = library.skills(asked.after)
        for skill in islice(skills, _LOOKED_AT if asked.name or asked.fact else asked.limit):
            last = skill.id or 0
            if _fits(skill, asked):
                page.append(skill)
                if len(page) == asked.limit:
                    break
        ended = next(skills, None) is None
    return {
        "skills": [skill_data(skill, asked.embeddings) for skill in page],
        "next": None if ended else last,
        "total": len(library),
    }


def _browse(library: SkillLibrary, asked: requests.BrowseSkills) -> dict[str, Any]:
    shelf = browsing.browse(library, asked.name, asked.fact, asked.order, asked.offset, asked.limit)
    return {**vars(shelf), "skills": [skill_data(skill, embeddings=False) for skill in shelf.skills]}


def _similar(library: SkillLibrary, asked: requests.SimilarSkills) -> dict[str, Any]:
    skill = library.get_skill(asked.id)
    found = likeness.similar(library, skill, asked.k)
    return {
        "similar": [
            {**match_data(match, False), "same_preconditions": likeness.same_preconditions(skill, match.skill)}
            for match in found
        ]
    }


def _pairs(library: SkillLibrary, asked: requests.SimilarPairs) -> dict[str, Any]:
    found, compared, last = likeness.pairs(library, asked.after, asked.min_similarity, asked.limit)
    pairs = [
        {
            "similarity": similarity,
            "same_preconditions": likeness.same_preconditions(older, newer),
            "skills": [skill_data(older, False), skill_data(newer, False)],
        }
        for similarity, older, newer in found
    ]
    return {"pairs": pairs, "compared": compared, "next": last}


def _fits(skill: Skill, asked: requests.ListSkills) -> bool:
    if asked.name is not None and asked.name.casefold() not in skill.name.casefold():
        return False
    return asked.fact is None or asked.fact in browsing.fact_names(skill.preconditions)


def stats(library: SkillLibrary) -> dict[str, Any]:
    """`SkillLibrary.get_stats`, without the place on the server."""
    figures = {name: figure for name, figure in library.get_stats().items() if name != "directory"}
    return {**figures, "takes_text": texts.encoder_of(library) is not None}


def _stats(library: SkillLibrary, _asked: requests.Nothing) -> dict[str, Any]:
    return stats(library)


def _verify(library: SkillLibrary, _asked: requests.Nothing) -> dict[str, Any]:
    return {name: figure for name, figure in library.verify().items() if name in replies.Verified.model_fields}


# skills


def _add(library: SkillLibrary, asked: requests.AddSkill) -> dict[str, Any]:
    added = library.add_skill(texts.new_skill(library, asked.skill))
    return {"id": added.skill.id, "created": added.created, "similarity": added.similarity}


def _added(library: SkillLibrary, asked: requests.AddSkill, receipt: dict[str, Any]) -> dict[str, Any]:
    skill = _now(library, receipt["id"])
    return {**receipt, "skill": None if skill is None else skill_data(skill, asked.embeddings)}


def _add_many(library: SkillLibrary, asked: requests.AddSkills) -> list[Any]:
    added = library.add_skills([texts.new_skill(library, given) for given in asked.skills])
    return _receipt(added.ids, added.created, added.similarities)


def _restore(library: SkillLibrary, asked: requests.RestoreSkills) -> list[Any]:
    added = library.restore_skills([texts.new_skill(library, given) for given in asked.skills])
    return _receipt(added.ids, added.created, added.similarities)


def _receipt(ids: Any, created: Any, similarities: Any) -> list[Any]:
    """The first id, how far each is from the one before, and the similarities of those merged: short for its length."""
    merged = np.flatnonzero(~created)
    steps = np.diff(ids, prepend=0)
    return [steps.tolist(), [[int(row), float(similarities[row])] for row in merged]]


def _added_many(_library: SkillLibrary, _asked: Any, receipt: list[Any]) -> dict[str, Any]:
    steps, merged = receipt
    similarities = dict(merged)
    ids = np.cumsum(np.array(steps, dtype=np.int64)).tolist()
    return {
        "added": [
            {"id": skill_id, "created": row not in similarities, "similarity": similarities.get(row)}
            for row, skill_id in enumerate(ids)
        ]
    }


def _replace(library: SkillLibrary, asked: requests.ReplaceSkill) -> dict[str, Any]:
    skill = texts.new_skill(library, asked.skill)
    with library.batch():
        _check_version(library, asked.id, asked.expected)
        library.replace_skill(asked.id, skill)
    return {}


def _replaced(library: SkillLibrary, asked: requests.ReplaceSkill, _receipt: Any) -> dict[str, Any]:
    skill = _now(library, asked.id)
    return {"skill": None, "version": None} if skill is None else _whole(skill, asked.embeddings)


def _remove(library: SkillLibrary, asked: requests.RemoveSkill) -> dict[str, Any]:
    with library.batch():
        _check_version(library, asked.id, asked.expected)
        library.remove_skill(asked.id)
    return {"id": asked.id}


def _record(library: SkillLibrary, asked: requests.RecordOutcome) -> dict[str, Any]:
    with library.batch():  # so that the counts are those of this use
        library.record_outcome(asked.id, asked.success)
        skill = library.get_skill(asked.id)
    return {"id": asked.id, "times_used": skill.times_used, "success_count": skill.success_count}


def _check_version(library: SkillLibrary, skill_id: int, expected: str | None) -> None:
    if expected is not None and version(library.get_skill(skill_id)) != expected:
        raise ChangedMeanwhileError(f"skill {skill_id} is not the version that was expected; get it again")


def _now(library: SkillLibrary, skill_id: int) -> Skill | None:
    try:
        return library.get_skill(skill_id)
    except SkillNotFoundError:
        return None


# notes


def _list_notes(library: SkillLibrary, asked: requests.ListNotes) -> dict[str, Any]:
    keys = list(library.notes)
    rest = [key for key in keys if asked.after is None or key > asked.after]
    page = rest[: asked.limit]
    return {"keys": page, "next": page[-1] if len(rest) > len(page) else None, "total": len(keys)}


def _get_note(library: SkillLibrary, asked: requests.GetNote) -> dict[str, Any]:
    with _note(asked.key):
        return {"key": asked.key, "value": tagged(library.notes[asked.key], text=True)}


def _set_note(library: SkillLibrary, asked: requests.SetNote) -> dict[str, Any]:
    library.notes[asked.key] = untagged(asked.value)
    return {"key": asked.key}


def _remove_note(library: SkillLibrary, asked: requests.RemoveNote) -> dict[str, Any]:
    with _note(asked.key):
        del library.notes[asked.key]
    return {"key": asked.key}


class _note:  # noqa: N801 - a with block
    def __init__(self, key: str) -> None:
        self._key = key

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if isinstance(error, KeyError):
            raise NoteNotFoundError(f"there is no note {self._key!r:.80}") from None


# the whole


def _snapshot(library: SkillLibrary, _asked: requests.Nothing) -> dict[str, Any]:
    return {"generation": library.snapshot()}


def _compact(library: SkillLibrary, _asked: requests.Nothing) -> dict[str, Any]:
    return {"generation": library.compact()}


def _settle(library: SkillLibrary, _asked: requests.Nothing) -> dict[str, Any]:
    library.settle()
    return {"settled": True}


def _itself(_library: SkillLibrary, _asked: Any, receipt: Any) -> dict[str, Any]:
    return dict(receipt)


_ALL = (
    Operation("list_libraries", "The libraries there are.", "read", requests.ListLibraries, replies.LibraryPage,
              about_a_library=False),
    Operation("create_library", "Make a new, empty library.", "admin", requests.CreateLibrary, replies.LibraryReply,
              writes=True, about_a_library=False),
    Operation("delete_library", "Delete a library with all that is in it, for good.", "admin", requests.DeleteLibrary,
              replies.DeletedLibrary, writes=True, about_a_library=False),
    Operation("library_stats", "What the library holds, and its settings.", "read", requests.Nothing, replies.Stats,
              change=_stats),
    Operation("retrieve_skills", "The skills that apply in a state, best first. An empty answer means that none does.",
              "read", requests.RetrieveSkills, replies.Matches, change=_retrieve),
    Operation("why_not", "The best skills that do not apply in a state, each with the facts that do not hold.",
              "read", requests.WhyNot, replies.NearMisses, change=_why_not),
    Operation("get_skill", "One skill, whole.", "read", requests.GetSkill, replies.OneSkill, change=_get),
    Operation("list_skills", "All skills, page by page, by ascending id.", "read", requests.ListSkills,
              replies.SkillPage, change=_list),
    Operation("browse_skills", "Skills in an order for people, page by page.", "read", requests.BrowseSkills,
              replies.Shelf, change=_browse),
    Operation("similar_skills", "The skills most similar to one, whatever their preconditions.", "read",
              requests.SimilarSkills, replies.SimilarSkills, change=_similar),
    Operation("similar_pairs", "Pairs of similar skills, those of different preconditions among them.", "read",
              requests.SimilarPairs, replies.Pairs, change=_pairs),
    Operation("add_skill", "Keep a skill, or merge it into the one it is the same as.", "write", requests.AddSkill,
              replies.AddedSkill, True, _add, _added),
    Operation("add_skills", "Keep many skills as one commit: all, or none if any is refused.", "write",
              requests.AddSkills, replies.AddedSkills, True, _add_many, _added_many),
    Operation("restore_skills", "Put back skills with their ids and counts, as one commit; nothing is merged.",
              "write", requests.RestoreSkills, replies.AddedSkills, True, _restore, _added_many),
    Operation("replace_skill", "Put another skill in the place of one, under its id.", "write", requests.ReplaceSkill,
              replies.ReplacedSkill, True, _replace, _replaced),
    Operation("remove_skill", "Forget a skill, for good.", "write", requests.RemoveSkill, replies.RemovedSkill, True,
              _remove, _itself),
    Operation("record_outcome", "A skill was used once, and succeeded or not: this is what ranks it.", "write",
              requests.RecordOutcome, replies.Outcome, True, _record, _itself),
    Operation("list_notes", "The keys of the library's notes.", "read", requests.ListNotes, replies.NotePage,
              change=_list_notes),
    Operation("get_note", "One note.", "read", requests.GetNote, replies.Note, change=_get_note),
    Operation("set_note", "Keep a note, in the place of the one that was there.", "write", requests.SetNote,
              replies.NoteKey, True, _set_note, _itself),
    Operation("remove_note", "Forget a note.", "write", requests.RemoveNote, replies.NoteKey, True, _remove_note,
              _itself),
    Operation("begin_batch", "Begin changes that are one commit, or a request that is carried out once.", "write",
              requests.BeginBatch, replies.BegunBatch, writes=True),
    Operation("end_batch", "Make the changes of a batch last, or undo them.", "write", requests.EndBatch,
              replies.EndedBatch, writes=True),
    Operation("snapshot", "Start the next generation: the journal becomes immutable files.", "admin",
              requests.Nothing, replies.Generation, change=_snapshot),
    Operation("compact", "Start the next generation, without what was removed.", "admin", requests.Nothing,
              replies.Generation, change=_compact),
    Operation("verify", "Read every byte and compare it with its checksum. Changes wait.", "admin", requests.Nothing,
              replies.Verified, change=_verify),
    Operation("settle", "Return when the work in the background is done.", "write", requests.Nothing, replies.Settled,
              change=_settle),
)  # fmt: skip

OPERATIONS: dict[str, Operation] = {operation.name: operation for operation in _ALL}
"""By name."""
