"""The commands repair and migrate: what they say, and that repair changes nothing unasked."""

from __future__ import annotations

import shutil
from pathlib import Path

from skillstore import SkillLibrary
from tests.cli.conftest import Run, data, refused

GOLDEN = Path(__file__).parent.parent.parent / "data" / "golden-1.0" / "library"


def test_a_whole_library_needs_no_repair(run: Run, skills: Path) -> None:
    assert run("repair").stdout == "nothing is damaged: 3 skills\n"
    assert data(run("repair", "--yes", "--json")) == {
        "ok": True, "damaged": [], "gives_up": [], "skills": 3, "kept_aside": [], "generation": None,
    }  # fmt: skip


def test_repair_says_what_it_gives_up_and_does_it_when_told(run: Run, skills: Path) -> None:
    path = skills / "journal-000001"
    torn = path.read_bytes()[:-3]
    path.write_bytes(torn)
    refused(run("list"), 5, "journal-000001", "repair")
    said = run("repair")
    assert said.exit_code == 5
    assert "damaged: journal-000001 at byte " in said.stdout
    assert "gives up: " in said.stdout
    assert said.stderr == "nothing was changed; repair --yes does it\n"
    assert path.read_bytes() == torn
    told = run("repair", "--json")
    assert told.exit_code == 5
    assert data(run("repair", "--yes", "--json"))["kept_aside"][-1] == "damaged-000001/journal-000001"
    assert (skills / "damaged-000001" / "journal-000001").read_bytes() == torn
    assert run("repair").exit_code == run("verify").exit_code == 0


def test_repair_refuses_what_is_no_library_or_is_written(run: Run, skills: Path, here: Path) -> None:
    with SkillLibrary.open(skills):
        refused(run("repair", "--yes"), 4, "is open for writing in this process already")
    shutil.rmtree(skills)
    refused(run("repair"), 3, "there is no library at skills")
    refused(run("migrate"), 3, "there is no library at skills")


def test_migrate_makes_the_newest_format(run: Run, here: Path) -> None:
    shutil.copytree(GOLDEN, here / "skills")
    assert run("migrate").stdout == "format 1.0 became 3.0, generation 4\n"
    assert run("migrate").stdout == "format 3.0 already, generation 4\n"
    assert data(run("migrate", "--json")) == {"from": "3.0", "to": "3.0", "generation": 4}
