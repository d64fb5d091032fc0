"""The floor plan, read from the imports themselves, and the public names."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import agent
import skillstore

ROOT = Path(skillstore.__file__).parent.parent
PACKAGES = ("skillstore", "agent", "cli")
DOORS = {
    "faiss": {
        "skillstore.local.vectors",
        "skillstore.bench.flat",  # what we are measured against
        "skillstore.bench.peers.faiss_indexes",
        "skillstore.bench.threads",
    },
    "msgpack": {"skillstore.local.records"},
    "filelock": {"skillstore.local.directory"},
    "matplotlib": {"agent.plots", "skillstore.bench.plots"},
    "gymnasium": {"agent.worlds.gym", "agent.worlds.minigrid"},
    "minigrid": {"agent.worlds.minigrid"},
    "PIL": {"agent.animation"},
    "click": {"cli"},
    "apsw": {"skillstore.bench.peers.sqlite"},
    "sqlite_vec": {"skillstore.bench.peers.sqlite"},
    "duckdb": {"skillstore.bench.peers.duck"},
    "lancedb": {"skillstore.bench.peers.lance"},
    "pyarrow": {"skillstore.bench.peers.duck", "skillstore.bench.peers.lance"},
    "chromadb": {"skillstore.bench.peers.chroma"},
    "qdrant_client": {"skillstore.bench.peers.qdrant"},
    "usearch": {"skillstore.bench.peers.usearch_graph"},
    "jinja2": {"skillstore.service.page.rendering"},
    "pydantic": {"skillstore.service"},
    "pydantic_core": {"skillstore.service.http"},
    "starlette": {
        "skillstore.service.http",
        "skillstore.service.mcp.endpoint",
        "skillstore.service.page.routes",
        "skillstore.service.running",
    },
    "uvicorn": {"skillstore.service.http.server"},
    "prometheus_client": {"skillstore.service.http.metrics"},
    "httpx": {"skillstore.remote.wire"},
    "mcp": {"skillstore.service.mcp"},
    "mcp_types": {"skillstore.service.mcp"},
}
"""Which modules, or packages, may import what."""

FLOORS = [
    {"skillstore.errors"},
    {"skillstore.values", "skillstore.tasks"},
    {"skillstore.preconditions", "skillstore.embedding", "skillstore.outcomes"},
    {"skillstore.skill"},
    {"skillstore.answers", "skillstore.forms", "skillstore.encoders"},
    {"skillstore.backend"},
    {"skillstore.local.weight"},
    {"skillstore.local.growable", "skillstore.local.records"},
    {"skillstore.local"},
    {"skillstore.local.backend", "skillstore.local.follower"},
    {"skillstore.local.opening", "skillstore.local.repair", "skillstore.remote"},
    {"skillstore.notes"},
    {"skillstore.library"},
    {"skillstore.upkeep"},
    {"skillstore"},
    {"skillstore.interchange"},
    {"agent", "skillstore.bench", "skillstore.service"},
    {"cli"},
]
"""Lowest first; a module stands on the floor of the longest name that it starts with, and imports only from below.
Inside those of OWN_FLOOR modules may import each other, without a cycle."""

OWN_FLOOR = {"skillstore.local", "skillstore.remote", "agent", "skillstore.bench", "skillstore.service", "cli"}


def modules() -> dict[str, ast.Module]:
    found = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = list(path.relative_to(ROOT).with_suffix("").parts)
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            found[name] = ast.parse(path.read_text(), str(path))
    return found


MODULES = modules()


def imports(name: str) -> Iterator[tuple[str, ast.stmt]]:
    """(module, statement) of every import in `name`, wherever it stands; of ours, the module that is really meant, and
    the package that it is taken from, which is loaded first."""
    for node in ast.walk(MODULES[name]):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name} has a relative import"
            assert node.module is not None
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield node.module, node
                if inner in MODULES:
                    yield inner, node


def ours(name: str) -> set[str]:
    return {module for module, _ in imports(name) if module.split(".")[0] in PACKAGES}


def floor(name: str) -> tuple[int, str]:
    """(number of its floor, the name that stands there)."""
    standing = [(len(stands), number, stands) for number, floor_ in enumerate(FLOORS) for stands in floor_
                if name == stands or name.startswith(stands + ".")]  # fmt: skip
    assert standing, f"{name} has no floor"
    _, number, stands = max(standing)
    return number, stands


@pytest.mark.parametrize("name", MODULES)
def test_imports_go_strictly_downward(name: str) -> None:
    number, stands = floor(name)
    for other in ours(name):
        below, stands_there = floor(other)
        inside = stands in OWN_FLOOR and stands == stands_there
        assert below < number or inside, f"{name}: {other}"


def test_there_is_no_cycle_lazy_imports_included() -> None:
    done: list[str] = []

    def visit(name: str, way: tuple[str, ...]) -> None:
        assert name not in way, " -> ".join((*way, name))
        if name not in done:
            for other in sorted(ours(name) - {name}):
                if other in MODULES:
                    visit(other, (*way, name))
            done.append(name)

    for name in MODULES:
        visit(name, ())
    assert len(done) == len(MODULES) > 40


@pytest.mark.parametrize("library", DOORS)
def test_what_others_wrote_has_one_door_each(library: str) -> None:
    importers = {name for name in MODULES for module, _ in imports(name) if module.split(".")[0] == library}
    assert importers
    for name in importers:
        assert any(name == door or name.startswith(door + ".") for door in DOORS[library]), name


def test_the_agent_uses_public_names_only() -> None:
    for name in MODULES:
        if name.split(".")[0] == "agent":
            assert {module for module in ours(name) if module.startswith("skillstore.")} == set(), name


def test_nothing_outside_the_library_reaches_into_its_directory() -> None:
    for name in MODULES:
        inside = ("skillstore.local", "skillstore.library", "skillstore.upkeep", "skillstore.bench")
        if not name.startswith((*inside, "skillstore.remote.backups")):  # which checks a file that comes over HTTP
            assert {module for module in ours(name) if module.startswith("skillstore.local")} == set(), name


def test_importing_skillstore_loads_nothing_slow() -> None:
    code = "import sys, skillstore; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    loaded = set(subprocess.check_output([sys.executable, "-c", code], text=True).split())
    assert "skillstore" in loaded
    assert not loaded & {"faiss", "msgpack", "filelock", "matplotlib", "click", "agent", "cli", "asyncio", "hypothesis"}


def test_importing_the_agent_and_its_worlds_loads_no_extra() -> None:
    code = "import sys, agent, agent.worlds.minigrid; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    loaded = set(subprocess.check_output([sys.executable, "-c", code], text=True).split())
    assert "agent" in loaded
    assert not loaded & {"faiss", "matplotlib", "gymnasium", "minigrid", "pygame", "PIL", "click"}


def test_the_public_names_of_skillstore() -> None:
    assert sorted(skillstore.__all__) == [
        "AccessDeniedError", "Added", "Additions", "BackendUnavailableError", "CorruptLibraryError", "Damage",
        "EncoderMismatchError", "Interval", "InvalidInputError", "LibraryClosedError", "LibraryLockedError",
        "LibraryNotFoundError", "Match", "Matches", "NearMiss", "NearMisses", "Notes", "OneOf", "ReadOnlyError",
        "Repair", "Skill", "SkillLibrary", "SkillNotFoundError", "SkillStoreError", "UnsupportedFormatError",
        "WriteFailedError", "is_applicable", "migrate", "repair", "restore",
    ]  # fmt: skip
    assert all(hasattr(skillstore, name) for name in skillstore.__all__)


def test_the_public_names_of_a_library() -> None:
    assert sorted(name for name in dir(skillstore.SkillLibrary) if not name.startswith("_")) == [
        "add_skill", "add_skills", "backup", "batch", "close", "compact", "embedding_dim", "encoder", "get_skill",
        "get_stats", "once", "open", "record_outcome", "remove_skill", "replace_skill", "restore_skills",
        "retrieve_skills",
        "settle", "skills", "snapshot", "verify", "why_not",
    ]  # fmt: skip


def test_every_error_is_one_of_the_tree() -> None:
    errors = [value for name, value in vars(skillstore).items() if name.endswith("Error") and isinstance(value, type)]
    assert len(errors) == 13
    assert all(issubclass(error, skillstore.SkillStoreError) for error in errors)


def test_the_public_names_of_the_agent() -> None:
    assert {"GridWorld", "ProceduralMemoryAgent", "extract_skill", "train", "Environment", "Observation"} <= set(
        agent.__all__
    )
    assert all(hasattr(agent, name) for name in agent.__all__)
