"""The simulated disk: what it must not get wrong, or it would find nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.crashes import image
from tests.crashes.disk import Disk
from tests.crashes.image import Image
from tests.crashes.models import images
from tests.crashes.record import Call, Record


def after(*calls: Call, before: Image | None = None) -> dict[str, list[Image]]:
    """The images of each model after these calls."""
    disk = Disk(before or {})
    for call in calls:
        disk.apply(call)
    found: dict[str, list[Image]] = {}
    for model, left in images(disk, calls[-1], cuts=3, seeds=range(200)):
        found.setdefault(model, []).append(left)
    return found


def test_what_was_not_synced_is_lost_in_each_way() -> None:
    found = after(Call("create", "a", 1), Call("write", "a", 1, b"abc"))
    assert found["kill"] == [{"a": b"abc"}]
    assert found["unsynced dropped"] == found["names last"] == found["metadata first, names synced"] == [{}]
    assert found["metadata first"] == [{"a": bytes(3)}]
    assert found["renames first"] == [{"a": b""}]
    assert found["torn"] == [{"a": b""}, {"a": bytes(3)}, {"a": b"a"}, {"a": b"a\0\0"}, {"a": b"ab"}, {"a": b"ab\0"}]
    assert {left.get("a") for left in found["random part"]} >= {None, b"", b"abc", b"ab", bytes(3), b"\0bc"}


def test_a_synced_file_without_its_name_is_lost_and_a_synced_name_without_its_bytes_is_empty() -> None:
    made = Call("create", "a", 1), Call("write", "a", 1, b"abc")
    assert after(*made, Call("sync", "a", 1))["unsynced dropped"] == [{}]
    assert after(*made, Call("sync_directory"))["unsynced dropped"] == [{"a": b""}]
    everything = after(*made, Call("sync", "a", 1), Call("sync_directory"))
    assert all(left == {"a": b"abc"} for model in everything.values() for left in model)


def test_bytes_after_a_cut_stand_where_it_cut_or_over_what_it_did_not() -> None:
    calls = Call("append", "a", 1), Call("truncate", "a", 1, size=1), Call("write", "a", 1, b"X")
    found = after(*calls, before={"a": b"abc"})
    assert found["kill"] == [{"a": b"aX"}]
    assert found["unsynced dropped"] == [{"a": b"abc"}]
    assert found["metadata first"] == [{"a": b"a\0"}]
    assert {left["a"] for left in found["random part"]} == {b"abc", b"aXc", b"aX", b"a", b"a\0", b"a\0c"}


def test_a_write_that_is_missing_leaves_a_hole_before_the_next() -> None:
    calls = Call("create", "a", 1), Call("sync_directory"), Call("write", "a", 1, b"a"), Call("write", "a", 1, b"b")
    assert b"\0b" in {left["a"] for left in after(*calls)["random part"]}


def test_a_descriptor_writes_its_file_whatever_became_of_the_name() -> None:
    calls = [Call("append", "a", 1), Call("replace", "a", target="b"), Call("write", "b", 1, b"!")]
    assert after(*calls, before={"a": b"abc"})["kill"] == [{"b": b"abc!"}]
    found = after(*calls, Call("sync", "b", 1), before={"a": b"abc"})
    assert found["unsynced dropped"] == [{"a": b"abc!"}]
    assert {tuple(left) for left in found["random part"]} == {("a",), ("b",)}


def test_a_name_removed_and_made_again_is_another_file() -> None:
    calls = [Call("remove", "a"), Call("create", "a", 1), Call("write", "a", 1, b"new"), Call("sync", "a", 1)]
    found = after(*calls, before={"a": b"old"})
    assert found["kill"] == [{"a": b"new"}]
    assert found["unsynced dropped"] == [{"a": b"old"}]
    assert after(*calls, Call("sync_directory"), before={"a": b"old"})["unsynced dropped"] == [{"a": b"new"}]


def test_what_was_renamed_over_comes_back_and_a_directory_takes_its_files_along() -> None:
    found = after(Call("replace", "new", target="old"), before={"new": b"new", "old": b"old"})
    assert found["kill"] == [{"old": b"new"}]
    assert found["unsynced dropped"] == [{"new": b"new", "old": b"old"}]
    calls = Call("make_directory", "d"), Call("create", "d/a", 1), Call("sync_directory", "d"), Call("sync_directory")
    found = after(*calls, Call("replace", "d", target="e"))
    assert found["kill"] == [{"e": None, "e/a": b""}]
    assert found["unsynced dropped"] == [{"d": None, "d/a": b""}]


def test_random_work_ends_as_on_the_real_disk(tmp_path: Path) -> None:
    for seed in range(20):
        generator = np.random.default_rng(seed)
        place = tmp_path / str(seed)
        place.mkdir()
        record = Record(place)
        _work(record, generator)
        disk = Disk({})
        for call in record.calls:
            disk.apply(call)
        assert next(images(disk, record.calls[-1], 0, range(0))) == ("kill", image.read(place))
        assert len(image.read(place)) > 0


def _work(record: Record, generator: np.random.Generator) -> None:
    files = record(record.root)
    descriptors = [files.create("a")]
    for turn in range(200):
        names, kind = files.names(), int(generator.integers(7))
        fd = descriptors[int(generator.integers(len(descriptors)))]
        if kind < 3:
            files.write(fd, bytes([turn]) * int(generator.integers(9)))
        elif kind == 3:
            files.truncate(fd, int(generator.integers(files.size(fd) + 1)))
        elif kind == 4 or not names:
            descriptors.append(files.create("abc"[int(generator.integers(3))]))
        elif kind == 5:
            files.replace(names[0], "abc"[int(generator.integers(3))])
        elif turn % 2:
            files.remove(names[-1])
        else:
            descriptors.append(files.append(names[-1]))
    for fd in descriptors:
        files.close(fd)
