"""The harness can fail: whatever one part of the protocol is taken away, it finds what is lost by it."""

from __future__ import annotations

from functools import cache
from itertools import islice
from typing import Any

import pytest

from skillstore import CorruptLibraryError
from skillstore.local import generation
from skillstore.local.frames import Frame, Kind
from skillstore.local.journal import Journal, JournalReader
from skillstore.local.manifest import Manifest
from skillstore.local.records import packed
from tests.crashes import naive, tampered
from tests.crashes.life import Lived
from tests.crashes.mutants import Some, with_first, without
from tests.crashes.points import counted, points
from tests.crashes.record import Call
from tests.crashes.workloads import WORKLOADS, holed, lived, recovered

FILE, DIRECTORY = "sync", "sync_directory"
EITHER = (
    "storage._write_manifest > manifest.write > directory.replace > directory.finish",
    "storage._prepare > manifest.write_previous > directory.replace > directory.finish",
)
"""Of these two, which follow each other, each would do."""

SYNCS: list[tuple[str, str | tuple[str, ...], str]] = [
    (FILE, "writer._settle > writer._sync > storage.sync > journal.sync", "add"),
    (FILE, "writer._clear > writer._rewind > storage.cut > journal.cut", "unsynced"),
    (FILE, "writer._part > writer._rewind > storage.cut > journal.cut", "batch"),
    (DIRECTORY, "opening.for_writing", "create"),
    (DIRECTORY, "opening.for_writing > opening._locked", "create again"),
    (FILE, "opening._locked > storage.create > journal.create > journal.sync", "create"),
    (FILE, "storage.create > manifest.write_previous > directory.replace > directory.prepare", "create"),
    (DIRECTORY, "storage.create > manifest.write_previous > directory.replace > directory.finish", "create"),
    (FILE, "storage.create > manifest.write > directory.replace > directory.prepare", "create"),
    (DIRECTORY, "storage.create > manifest.write > directory.replace > directory.finish", "create"),
    (FILE, "storage.open > journal.resume > journal.sync", "recovered"),
    (DIRECTORY, "writer._whole > writer._write > storage.write > storage._prepare", "create"),
    (FILE, "storage._write_manifest > manifest.write > directory.replace > directory.prepare", "first change 1.0"),
    (FILE, "storage._prepare > manifest.write_previous > directory.replace > directory.prepare", "first change 1.0"),
    (DIRECTORY, EITHER, "first change 1.0"),
    (FILE, "storage.snapshot > generation.written > segment_file.write > sections.write", "remove and replace"),
    (FILE, "storage.snapshot > generation.written > counts_file.write > sections.write", "remove and replace"),
    (FILE, "storage._turn_to > journal.sync", "unsynced"),
    (FILE, "storage.snapshot > storage._turn_to > journal.create > journal.sync", "remove and replace"),
    (FILE, "storage._turn_to > manifest.write_previous > directory.replace > directory.prepare", "remove and replace"),
    (
        DIRECTORY,
        "storage._turn_to > manifest.write_previous > directory.replace > directory.finish",
        "remove and replace",
    ),
    (FILE, "storage._write_manifest > manifest.write > directory.replace > directory.prepare", "remove and replace"),
    (
        DIRECTORY,
        "storage._write_manifest > manifest.write > directory.replace > directory.finish",
        "remove and replace",
    ),
    (FILE, "storage.close > journal.sync", "unsynced"),
    (FILE, "storage.close > journal.seal > directory.replace > directory.prepare", "create"),
    (DIRECTORY, "storage.close > journal.seal > directory.replace > directory.finish", "create"),
    (FILE, "backup.write > backup._growing", "backup and restore"),
    (DIRECTORY, "backup.write > backup._growing", "backup and restore"),
    (FILE, "backup._built > archive.extract", "backup and restore"),
    (DIRECTORY, "backup.restore > backup._take_place", "backup and restore"),
]
"""Where the library syncs files and directories, by the functions that lead there, and a workload that shows why."""

CACHE = "storage.keep_cells > cells_file.write > sections.write"
"""What need not be synced."""


@cache
def life(name: str) -> Lived:
    return recovered(holed(), 0) if name == "recovered" else lived(name, 0)


def wrong(mutant: Lived, whole: Lived | None = None) -> str:
    """What is found first, beginning where the mutant differs from the `whole`."""
    pairs = zip(mutant.calls, whole.calls if whole else [], strict=False)
    start = next((number for number, (call, other) in enumerate(pairs) if call is not other), 0)
    few, all_ = (islice(points(mutant, cuts=2, seeds=16, start=start), 0, None, step) for step in (13, 1))
    return counted(mutant, few, stop=True).first or counted(mutant, all_, stop=True).first


def test_every_sync_is_looked_at() -> None:
    for name in (*WORKLOADS, "recovered"):
        for call in life(name).calls:
            if call.verb in (FILE, DIRECTORY) and not call.site.endswith(CACHE):
                assert any(call.verb == verb and call.site.endswith(site) for verb, site, _ in SYNCS), call


@pytest.mark.parametrize(("verb", "site", "name"), SYNCS)
def test_no_sync_can_be_left_out(verb: str, site: str | tuple[str, ...], name: str) -> None:
    whole = life(name)
    assert wrong(without(whole, lambda call: call.verb == verb and call.site.endswith(site)), whole)


def at(*sites: str) -> Some:
    """Calls made at one of these places."""
    return lambda call: any(site in call.site for site in sites)


def _named(call: Call) -> bool:
    return "> manifest.write >" in call.site


ORDERS: dict[str, tuple[str, Some, Some]] = {
    "MANIFEST before the files that it names": (
        "record_outcome",
        _named,
        at("write_segment", "write_counts", "journal.create"),
    ),
    "MANIFEST before the journal": ("create", _named, at("journal.create")),
    "strays removed before MANIFEST.previous": ("record_outcome", at("_remove_strays"), at("write_previous")),
    "a change before the seal is removed": ("create", at("storage.write > journal.write"), at("storage._prepare")),
    "a change before MANIFEST says the new format": (
        "first change 1.0",
        at("storage.write > journal.write", "journal.sync"),
        _named,
    ),
    "the seal before the changes": ("unsynced", at("journal.seal"), at("storage.close > journal.sync")),
}


@pytest.mark.parametrize("order", ORDERS)
def test_no_order_can_be_changed(order: str) -> None:
    name, some, before = ORDERS[order]
    whole = life(name)
    mutant = with_first(whole, some, before)
    assert mutant.calls != whole.calls
    assert wrong(mutant, whole)


def _write(self: Journal, records: list[bytes], closes: bool) -> None:
    self._append(Kind.CHANGES, packed(list(records)), True)


MUTATIONS: dict[str, tuple[str, Any, str, Any]] = {
    "each frame of a batch ends a commit": ("batch", Journal, "write", _write),
    "a commit ends at any frame": ("batch", Frame, "closes", True),
    "checksums are not looked at": ("add", Frame, "fits", lambda *_: True),
    "what a crash cut short is not cut off": ("recovered", Journal, "trim", lambda _: None),
    "what was not synced is damage": ("batch", Frame, "comes_after", lambda *_: True),
}


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_no_rule_of_the_journal_can_be_left_out(mutation: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name, owner, attribute, value = MUTATIONS[mutation]
    start = holed() if name == "recovered" else {}
    monkeypatch.setattr(owner, attribute, value)
    monkeypatch.setattr(Journal, "ends_as_written", lambda _: True)  # which would refuse to go on
    assert wrong(recovered(start, 0) if start else lived(name, 0))


DAMAGES: dict[tampered.Tamper, tuple[Any, str, Any]] = {
    tampered.cut_at_a_commit: (generation, "read_seal", lambda *_: None),
    tampered.flipped_within: (JournalReader, "check_torn", lambda *_: None),
    tampered.journal_of_a_copy: (Manifest, "journal_seed", 0),
}


@pytest.mark.parametrize("tamper", DAMAGES, ids=lambda tamper: tamper.__name__)
def test_what_no_crash_leaves_is_refused_by_one_rule_each(
    tamper: tampered.Tamper, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(CorruptLibraryError):
        tampered.opened(tamper)
    monkeypatch.setattr(*DAMAGES[tamper])
    assert tampered.opened(tamper)


@pytest.mark.parametrize("syncs", [False, True])
def test_a_naive_store_is_found_wrong(syncs: bool) -> None:
    store = naive.lived(syncs)
    found = counted(store, points(store, cuts=2, seeds=4), check=naive.check)
    assert found.wrong["torn"] > 0
    assert (found.wrong["lost"] == 0) == syncs
    assert found.wrong["unopenable"] == 0 or not syncs
