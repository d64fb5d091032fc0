"""Requests: what each operation is asked with. Strict, bounded, and nothing more is taken than is said here."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from skillstore.backend import MAX_REQUEST_ID, SAME_SKILL
from skillstore.embedding import MAX_DIM
from skillstore.service import fields
from skillstore.service.browsing import LOOKED_AT, Order
from skillstore.service.coercion import coerce, hint
from skillstore.service.refusals import InvalidRequestError

R = TypeVar("R", bound="Request")


class Request(BaseModel):
    """Fields as they are documented, of exactly these types; nothing else."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class Nothing(Request):
    """No fields."""


def read(kind: type[R], form: Any) -> R:
    """The request of plain JSON, or of what machines send for it (`skillstore.service.coercion`).

    Raises InvalidRequestError, which does not repeat what was given.
    """
    try:
        return kind.model_validate(form)
    except ValidationError:
        pass
    schema = schema_of(kind)
    try:
        return kind.model_validate(coerce(form, schema))
    except ValidationError as error:
        raise InvalidRequestError(_faults(error, form, schema)) from None


@cache
def schema_of(kind: type[Request]) -> dict[str, Any]:
    """The JSON Schema of a request. Shared: not to be changed."""
    return kind.model_json_schema()


def _faults(error: ValidationError, form: Any, schema: dict[str, Any]) -> list[tuple[str, str]]:
    """(JSON pointer into the request as it was sent, what is wrong there and how to send it), each place once."""
    faults: dict[str, list[str]] = {}
    hints: dict[str, str] = {}
    for fault in error.errors(include_url=False, include_context=False, include_input=False):
        place = _place(fault["loc"], form)
        pointer = _pointer(place)
        missing = fault["type"] == "missing"
        words = f"{fault['loc'][-1]!r:.80} is missing" if missing else fault["msg"].removeprefix("Value error, ")[:400]
        hints.setdefault(pointer, hint(schema, (*place, fault["loc"][-1]) if missing else place))
        if words not in faults.setdefault(pointer, []):
            faults[pointer].append(words)
    return [(pointer, f"{', or '.join(words[:4])}{hints[pointer]}") for pointer, words in list(faults.items())[:20]]


def _place(location: tuple[int | str, ...], form: Any) -> tuple[int | str, ...]:
    """The part of a fault's location that is in `form`: without the names of a union's branches, which nobody sent."""
    place: list[int | str] = []
    for part in location:
        held = form if type(form) is dict else dict(enumerate(form)) if type(form) is list else {}
        if part in held:
            form = held[part]
            place.append(part)
    return tuple(place)


def _pointer(place: tuple[int | str, ...]) -> str:
    """A JSON pointer (RFC 6901)."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in place[:8])[:1000]


def _not_both(asked: Any) -> Any:
    if asked.embedding is not None and asked.text is not None:
        raise ValueError("give an embedding, or a text, or neither; not both")
    return asked


# what is looked for


class _Sought(Request):
    state: fields.State
    embedding: fields.Embedding | None = None
    text: fields.Text | None = None
    k: fields.K = 3
    embeddings: fields.Embeddings = False

    _one_query = model_validator(mode="after")(_not_both)


class RetrieveSkills(_Sought):
    """Rank by similarity to `embedding` or `text`; with neither by how reliable the skills were."""

    min_similarity: Annotated[
        float | None, Field(description="Leaves out what is less similar; needs an embedding or a text.")
    ] = None
    exact: Annotated[bool, Field(description="Never search approximately.")] = False


class WhyNot(_Sought):
    """Ranked as by retrieve_skills."""


# skills


class NewSkill(Request):
    """A skill to keep. With neither embedding nor text, the text is its name, preconditions and actions."""

    name: fields.SkillName
    preconditions: fields.Preconditions = {}
    action_sequence: fields.Actions
    embedding: fields.Embedding | None = None
    text: fields.Text | None = None
    metadata: fields.Metadata = {}
    times_used: fields.Count = 0
    success_count: fields.Count = 0
    times_learned: Annotated[fields.Count, Field(ge=1)] = 1

    _one_embedding = model_validator(mode="after")(_not_both)


class KeptSkill(Request):
    """A skill as another library had it."""

    id: fields.SkillId
    name: fields.SkillName
    preconditions: fields.Preconditions
    action_sequence: fields.Actions
    embedding: fields.Embedding
    metadata: fields.Metadata = {}
    times_used: fields.Count = 0
    success_count: fields.Count = 0
    times_learned: Annotated[fields.Count, Field(ge=1)] = 1


class AddSkill(Request):
    """One skill."""

    skill: NewSkill
    embeddings: fields.Embeddings = False


class AddSkills(Request):
    """Many skills, one commit."""

    skills: Annotated[list[NewSkill], Field(min_length=1, max_length=fields.MAX_MANY)]


class RestoreSkills(Request):
    """Skills of another library, with their ids and counts."""

    skills: Annotated[list[KeptSkill], Field(min_length=1, max_length=fields.MAX_MANY)]


class GetSkill(Request):
    """One skill by its id."""

    id: fields.SkillId
    embeddings: fields.Embeddings = True


_InName = Annotated[
    str | None, Field(min_length=1, max_length=200, description="Only those with this in their name, in any case.")
]
_OnFact = Annotated[
    str | None,
    Field(min_length=1, max_length=fields.MAX_FACT_NAME, description="Only those whose preconditions name it."),
]


class ListSkills(Request):
    """A page of skills, by ascending id."""

    after: Annotated[int, Field(ge=0, le=2**62, description="Go on after this id; `next` of the page before.")] = 0
    limit: Annotated[int, Field(ge=0, le=fields.MAX_PAGE, description="How many at most.")] = 100
    name: _InName = None
    fact: _OnFact = None
    embeddings: fields.Embeddings = False


class BrowseSkills(Request):
    """A page of skills in an order for people. Looks at the first 10,000 skills of a library."""

    name: _InName = None
    fact: _OnFact = None
    order: Annotated[
        Order, Field(description="`success`: sure successes first; `use`: most used first; `newest`: added last.")
    ] = "newest"
    offset: Annotated[int, Field(ge=0, le=LOOKED_AT, description="How many to leave out at the beginning.")] = 0
    limit: Annotated[int, Field(ge=1, le=fields.MAX_PAGE, description="How many at most.")] = 50


class SimilarSkills(Request):
    """The nearest neighbours of a skill, whatever their preconditions."""

    id: fields.SkillId
    k: fields.K = 5


class SimilarPairs(Request):
    """Pairs of similar skills, of 4,000 at a time."""

    after: Annotated[int, Field(ge=0, le=2**62, description="Go on after this id; `next` of the answer before.")] = 0
    min_similarity: Annotated[float, Field(ge=-1, le=1, description="Leaves out pairs less similar.")] = 0.9
    limit: Annotated[int, Field(ge=1, le=fields.MAX_PAGE, description="How many pairs at most, best first.")] = 50


class ReplaceSkill(Request):
    """Another skill in the place of one, under its id."""

    id: fields.SkillId
    skill: NewSkill
    expected: Annotated[fields.Version | None, Field(description="Only if the skill is still this version.")] = None
    embeddings: fields.Embeddings = False


class RemoveSkill(Request):
    """One skill, for good."""

    id: fields.SkillId
    expected: Annotated[fields.Version | None, Field(description="Only if the skill is still this version.")] = None


class RecordOutcome(Request):
    """One use of a skill."""

    id: fields.SkillId
    success: Annotated[bool, Field(description="Whether it did what it is for.", examples=[True])]


# notes


class ListNotes(Request):
    """A page of keys, ascending."""

    after: Annotated[str | None, Field(max_length=fields.MAX_NOTE_KEY, description="Go on after this key.")] = None
    limit: Annotated[int, Field(ge=1, le=fields.MAX_PAGE, description="How many at most.")] = fields.MAX_PAGE


class GetNote(Request):
    """One note by its key."""

    key: fields.NoteKey


class SetNote(Request):
    """A note, new or in the place of the one there was."""

    key: fields.NoteKey
    value: fields.AnyValue


class RemoveNote(Request):
    """One note by its key."""

    key: fields.NoteKey


# libraries


class ListLibraries(Request):
    """A page of libraries, by ascending name."""

    after: Annotated[str | None, Field(max_length=64, description="Go on after this name.")] = None
    limit: Annotated[int, Field(ge=1, le=fields.MAX_PAGE, description="How many at most.")] = 100


class CreateLibrary(Request):
    """A library. With neither encoder nor embedding_dim it takes texts, by the encoder of hashed words."""

    name: fields.LibraryName
    embedding_dim: Annotated[
        int | None,
        Field(ge=1, le=MAX_DIM, description="Length of every embedding; left out: that of the encoder."),
    ] = None
    encoder: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=200,
            description="What makes the embeddings. One that the server knows takes texts.",
            examples=["hashed-words-256"],
        ),
    ] = None
    same_skill: Annotated[
        float | None,
        Field(
            ge=-1,
            le=1,
            description="A new skill more similar than this is merged; null: never.",
            json_schema_extra={"default": SAME_SKILL},  # what is left out is what the library begins with
        ),
    ] = None
    dedup_scope: Annotated[
        Literal["preconditions", "library"],
        Field(description="Which skills may merge: those with the same preconditions, or any two."),
    ] = "preconditions"


class DeleteLibrary(Request):
    """A library, with all that is in it."""

    name: fields.LibraryName


# batches


class BeginBatch(Request):
    """Changes that are one commit. `once`: and are carried out only once, whoever asks again."""

    once: Annotated[
        str | None,
        Field(min_length=1, max_length=MAX_REQUEST_ID, description="The request's id, as `SkillLibrary.once` has it."),
    ] = None


class EndBatch(Request):
    """The end of the innermost batch that is open under the token."""

    keep: Annotated[bool, Field(description="True: make it last. False: undo it all.")]
    answer: Annotated[Any, Field(description="What a request is answered with, kept with it; tagged.")] = None
