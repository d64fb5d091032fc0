"""Shown: what a library hands back, as plain JSON."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Literal, TypeAlias

from skillstore.answers import Match, NearMiss
from skillstore.forms import packed
from skillstore.preconditions import tagged_conditions
from skillstore.skill import Skill
from skillstore.values import tagged

Embeddings: TypeAlias = bool | Literal["base64"]


def skill_data(skill: Skill, embeddings: Embeddings) -> dict[str, Any]:
    """A form that `skillstore.forms.skill_of` reads, without the embedding unless it is asked for."""
    form: dict[str, Any] = {
        "id": skill.id,
        "name": skill.name,
        "preconditions": tagged_conditions(skill.preconditions, text=True),
        "action_sequence": tagged(skill.action_sequence, text=True),
        "metadata": tagged(skill.metadata, text=True),
        "times_used": skill.times_used,
        "success_count": skill.success_count,
        "times_learned": skill.times_learned,
    }
    if embeddings == "base64":
        form["embedding"] = packed(skill.embedding)
    elif embeddings:  # longer than the shortest decimals, and made in a tenth of the time
        form["embedding"] = skill.embedding.tolist()
    return form


def version(skill: Skill) -> str:
    """32 figures that are others after each change of the skill, its counts included."""
    words = json.dumps(skill_data(skill, embeddings=False), ensure_ascii=True).encode()
    return hashlib.blake2b(words + skill.embedding.tobytes(), digest_size=16).hexdigest()


def match_data(match: Match, embeddings: Embeddings) -> dict[str, Any]:
    return {"similarity": match.similarity, "skill": skill_data(match.skill, embeddings)}


def miss_data(miss: NearMiss, embeddings: Embeddings) -> dict[str, Any]:
    required = tagged_conditions({name: needs for name, (needs, _) in miss.unmet.items()}, text=True)
    unmet = {
        name: {"required": required[name], "state": tagged(has, text=True)} for name, (_, has) in miss.unmet.items()
    }
    return {"similarity": miss.similarity, "skill": skill_data(miss.skill, embeddings), "unmet": unmet}
