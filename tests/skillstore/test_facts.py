"""Facts: the command line and the page read what people write in the same way."""

from __future__ import annotations

from typing import Any

import click
import pytest

from cli.given import state as of_the_command_line
from skillstore import InvalidInputError
from skillstore.facts import read_fact, read_value
from skillstore.service.page.entered import state as of_the_page

WORDS: list[tuple[str, Any]] = [
    ("true", True), ("True", True), ("TRUE", True), ("false", False), ("False", False), ("FALSE", False),
    ("null", None), ("None", None), ("none", None), ("NULL", None),
    ('"true"', "true"), ('"None"', "None"), ('"3"', "3"), ('""', ""), ("", ""), ('"a=b"', "a=b"), ('"NaN"', "NaN"),
    ("yes", "yes"), ("no", "no"), ("on", "on"), ("off", "off"), ("t", "t"),
    ("3", 3), ("-2", -2), ("+5", 5), ("0", 0), ("3.0", 3.0), ("-2.5", -2.5), (".5", 0.5), ("5.", 5.0), ("1e3", 1000.0),
    ("1E-3", 0.001), ("007", "007"), ("1_000", "1_000"), ("0x10", "0x10"), ("1,5", "1,5"), ("2026-05-01", "2026-05-01"),
    ("--1", "--1"), ("1e", "1e"), (".", "."), ("\u0661", "\u0661"),
    ("deep red", "deep red"), ("it's", "it's"), ("http://a/b?c=d", "http://a/b?c=d"), ("a:b", "a:b"),
    ("(2, 2)", "(2, 2)"),
    ("[1, 2]", [1, 2]), ('{"a": 1}', {"a": 1}), ("[true]", [True]), ("red,", "red"), ("3,", 3),
]  # fmt: skip


@pytest.mark.parametrize(("word", "value"), WORDS)
@pytest.mark.parametrize("form", ["{}={}", "{} = {}", "{}: {}", "  {}  =  {}  "])
def test_one_word_has_one_meaning(word: str, value: Any, form: str) -> None:
    written = form.format("fact", word)
    expected = {"fact": value}
    for read in (of_the_page(written), of_the_command_line(None, [written])):
        assert read == expected
        assert type(read["fact"]) is type(value)


@pytest.mark.parametrize(
    "written",
    [
        "fact", "=1", " = 1", ": 1", "a==b", "a == b", "a!=b", "a>=3", "a <= 3", "a=NaN", "a=nan", "a=-Infinity",
        "a=inf", "a=1e999", "a=-1e999", "a=" + "1" * 5000, "a=[1", 'a={"b": True}', 'a="b', 'a={"b": 1, "b": 2}',
        "a=[NaN]", '""=1',
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_told_in_both_places(written: str) -> None:
    with pytest.raises(InvalidInputError) as page:
        of_the_page(written)
    with pytest.raises(click.UsageError) as line:
        of_the_command_line(None, [written])
    said = str(page.value).removeprefix("line 1: ")
    assert said in line.value.format_message()


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("door:open=true", "door:open"),
        ("door:open: true", "door:open"),
        ("door.open:true", "door.open"),
        ('"a=b": 1', "a=b"),
        ('"a:b"=1', "a:b"),
        ('"say \\"x\\"": 1', 'say "x"'),
        ("deep colour = red", "deep colour"),
        ("a={}", "a"),
        ('a:{"b": 1}', "a"),
    ],
)
def test_names_may_have_spaces_colons_and_quotes(written: str, name: str) -> None:
    assert read_fact(written)[0] == name


def test_pythons_words_in_json_are_told() -> None:
    with pytest.raises(InvalidInputError, match="JSON writes true, false, null"):
        read_value("[True]")
    with pytest.raises(InvalidInputError, match="double quotes"):
        of_the_page("{'has_key': true}")


def test_spaces_around_the_sign_are_explained_where_a_shell_takes_them_apart() -> None:
    with pytest.raises(click.UsageError, match="without spaces"):
        of_the_command_line(None, ["has_key", "=", "true"])
