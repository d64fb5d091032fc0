"""Replies: what each operation answers. Operations return plain dicts of these shapes; tests hold them to it."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from skillstore.service import fields


class Reply(BaseModel):
    """Exactly these fields."""

    model_config = ConfigDict(extra="forbid", strict=True)


class SkillReply(Reply):
    """A skill. `embedding` only if it was asked for."""

    id: fields.SkillId
    name: Annotated[str, Field(examples=["acquire_key"])]
    preconditions: fields.Preconditions
    action_sequence: fields.Actions
    embedding: fields.Embedding | None = None
    metadata: dict[str, Any]
    times_used: fields.Count
    success_count: fields.Count
    times_learned: fields.Count


class OneSkill(Reply):
    """A skill and its version."""

    skill: SkillReply
    version: fields.Version


class Match(Reply):
    """A skill that applies."""

    similarity: fields.Cosine
    skill: SkillReply


class Matches(Reply):
    """Best first; none is an answer, too. `exact`: the same as that of a scan over all skills."""

    matches: list[Match]
    exact: bool


class Unmet(Reply):
    """What a skill needs of a fact, as a condition, and what the state has."""

    required: Any
    state: Any


class NearMiss(Reply):
    """A skill that does not apply, and each fact because of which."""

    similarity: fields.Cosine
    skill: SkillReply
    unmet: dict[str, Unmet]


class NearMisses(Reply):
    """Nearest first."""

    near_misses: list[NearMiss]


class AddedSkill(Reply):
    """What became of it: created, or merged into the skill `id`, to which it has this similarity.

    `skill` is null if it was removed before a repeated request was answered.
    """

    id: fields.SkillId
    created: bool
    similarity: fields.Cosine
    skill: SkillReply | None


class Addition(Reply):
    """As AddedSkill, without the skill."""

    id: fields.SkillId
    created: bool
    similarity: fields.Cosine


class AddedSkills(Reply):
    """One for each that was given, in that order."""

    added: list[Addition]


class SkillPage(Reply):
    """`next`: what to go on after; null: that was all. `total`: how many the library has, filters aside."""

    skills: list[SkillReply]
    next: fields.SkillId | None
    total: int


class Shelf(Reply):
    """`found`: how many fit; `facts`: up to 200 facts that preconditions name, with how many skills name each, most
    first; all of the `looked_at` skills of `total`."""

    skills: list[SkillReply]
    found: int
    facts: dict[str, int]
    looked_at: int
    total: int


class SimilarSkill(Reply):
    """A neighbour; `same_preconditions`: it applies in the same states."""

    similarity: fields.Cosine
    same_preconditions: bool
    skill: SkillReply


class SimilarSkills(Reply):
    """Nearest first."""

    similar: list[SimilarSkill]


class Pair(Reply):
    """Two skills, the older first; `same_preconditions`: they apply in the same states."""

    similarity: fields.Cosine
    same_preconditions: bool
    skills: Annotated[list[SkillReply], Field(min_length=2, max_length=2)]


class Pairs(Reply):
    """The most similar first, of the `compared` skills. `next`: what to go on after; null: no more are left."""

    pairs: list[Pair]
    compared: int
    next: fields.SkillId | None


class ReplacedSkill(Reply):
    """As the library keeps it; null if it was removed before a repeated request was answered."""

    skill: SkillReply | None
    version: fields.Version | None


class RemovedSkill(Reply):
    """The id, which is never given again."""

    id: fields.SkillId


class Outcome(Reply):
    """The skill's counts with this use."""

    id: fields.SkillId
    times_used: fields.Count
    success_count: fields.Count


class NotePage(Reply):
    """`next`: what to go on after; null: that was all."""

    keys: list[str]
    next: str | None
    total: int


class Note(Reply):
    """A note, in the tagged form."""

    key: str
    value: Any


class NoteKey(Reply):
    """The note that was set or removed."""

    key: str


class LibraryReply(Reply):
    """A library; where it cannot be opened, `problem` says why and the rest is null."""

    name: fields.LibraryName
    embedding_dim: int | None
    encoder: str | None
    total_skills: int | None
    problem: str | None


class LibraryPage(Reply):
    """`next`: what to go on after; null: that was all."""

    libraries: list[LibraryReply]
    next: str | None


class DeletedLibrary(Reply):
    """The name, which is free again."""

    name: fields.LibraryName


class Stats(Reply):
    """What a library holds, and its settings."""

    model_config = ConfigDict(extra="allow", strict=True)

    total_skills: int
    total_uses: int
    total_successes: int
    avg_success_rate: Annotated[float, Field(ge=0, le=1)]
    merged: int
    precondition_sets: int
    since_snapshot: Annotated[
        dict[str, int], Field(description="Changes since this generation was started, by their kind.")
    ]
    embedding_dim: int
    encoder: str | None
    same_skill: float | None
    dedup_scope: str
    durability: str
    generation: int
    journal_bytes: int
    disk_bytes: int
    takes_text: Annotated[bool, Field(description="Whether texts can be given instead of embeddings.")]


class Generation(Reply):
    """The number of the generation that was started."""

    generation: int


class Verified(Reply):
    """Every byte was read, and is what was written."""

    ok: bool
    skills: int
    generation: int
    files: int
    bytes: int


class Settled(Reply):
    """No work was left."""

    settled: bool


class BegunBatch(Reply):
    """`batch`: the token for what belongs to it. `answered`: it was carried out before, `answer` is what was kept."""

    batch: fields.BatchToken | None
    answered: bool
    answer: Any


class EndedBatch(Reply):
    """`open`: how many batches are still open under the token."""

    answer: Any
    open: int
