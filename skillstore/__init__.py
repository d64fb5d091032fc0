"""skillstore: procedural memory for agents.

The few nouns: a `Skill` is a sequence of actions, the preconditions under which it may be used, and an embedding of its
context. A `SkillLibrary` keeps skills, in memory or in a directory, and answers which of those that apply in a *state*
fit best. A `Match` is one of its answers.
"""

from skillstore.answers import Added, Additions, Damage, Match, Matches, NearMiss, NearMisses, Repair
from skillstore.errors import (
    AccessDeniedError,
    BackendUnavailableError,
    CorruptLibraryError,
    EncoderMismatchError,
    InvalidInputError,
    LibraryClosedError,
    LibraryLockedError,
    LibraryMovedError,
    LibraryNotFoundError,
    ReadOnlyError,
    SkillNotFoundError,
    SkillStoreError,
    UnsupportedFormatError,
    WriteFailedError,
)
from skillstore.library import SkillLibrary
from skillstore.notes import Notes
from skillstore.preconditions import Interval, OneOf, is_applicable
from skillstore.skill import Skill
from skillstore.upkeep import migrate, repair, restore

__version__ = "0.1.0"

__all__ = [
    "AccessDeniedError",
    "Added",
    "Additions",
    "BackendUnavailableError",
    "CorruptLibraryError",
    "Damage",
    "EncoderMismatchError",
    "Interval",
    "InvalidInputError",
    "LibraryClosedError",
    "LibraryLockedError",
    "LibraryMovedError",
    "LibraryNotFoundError",
    "Match",
    "Matches",
    "NearMiss",
    "NearMisses",
    "Notes",
    "OneOf",
    "ReadOnlyError",
    "Repair",
    "Skill",
    "SkillLibrary",
    "SkillNotFoundError",
    "SkillStoreError",
    "UnsupportedFormatError",
    "WriteFailedError",
    "is_applicable",
    "migrate",
    "repair",
    "restore",
]
