"""skillstore: procedural memory for agents.

The few nouns: a `Skill` is a sequence of actions, the preconditions under which it may be used, and an embedding of its
context. A `SkillLibrary` keeps skills, in memory or in a directory, and answers which of those that apply in a *state*
fit best. A `Match` is one of its answers.
"""

from skillstore.answers import Added, Additions, Match, Matches, NearMiss, NearMisses
from skillstore.errors import (
    BackendUnavailableError,
    CorruptLibraryError,
    EncoderMismatchError,
    InvalidInputError,
    LibraryClosedError,
    LibraryLockedError,
    LibraryNotFoundError,
    ReadOnlyError,
    SkillNotFoundError,
    SkillStoreError,
    UnsupportedFormatError,
    WriteFailedError,
)
from skillstore.library import SkillLibrary, restore
from skillstore.notes import Notes
from skillstore.preconditions import Interval, OneOf, is_applicable
from skillstore.skill import Skill

__version__ = "0.1.0"

__all__ = [
    "Added",
    "Additions",
    "BackendUnavailableError",
    "CorruptLibraryError",
    "EncoderMismatchError",
    "Interval",
    "InvalidInputError",
    "LibraryClosedError",
    "LibraryLockedError",
    "LibraryNotFoundError",
    "Match",
    "Matches",
    "NearMiss",
    "NearMisses",
    "Notes",
    "OneOf",
    "ReadOnlyError",
    "Skill",
    "SkillLibrary",
    "SkillNotFoundError",
    "SkillStoreError",
    "UnsupportedFormatError",
    "WriteFailedError",
    "is_applicable",
    "restore",
]
