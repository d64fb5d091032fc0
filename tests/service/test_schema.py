"""Schema: what the document says of every answer is true, for some hundred requests of every kind."""

from __future__ import annotations

from tests.benchmarks import schema


def test_every_answer_is_as_the_document_says() -> None:
    code, cases, said = schema.run(1, "coverage")
    assert code == 0, said
    assert cases > 500
