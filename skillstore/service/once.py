"""Once: a write that may be asked for again is carried out the first time, and answered from the journal after that.

What is kept with the commit is a *receipt*: which operation, a digest of the request, and what the answer is made of,
ids rather than skills. A receipt longer than a library keeps lies in several parts, each a request of its own.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Callable
from typing import Any

from skillstore.backend import MAX_ANSWER
from skillstore.errors import InvalidInputError
from skillstore.library import SkillLibrary
from skillstore.service.callers import Caller
from skillstore.service.fields import MAX_REQUEST_KEY
from skillstore.service.refusals import AnswerForgottenError, RequestReusedError

_PART = MAX_ANSWER - 200  # bytes of a receipt in one request, beside the operation and the digest


def once(library: SkillLibrary, request_id: str, operation: str, digest: str, change: Callable[[], Any]) -> Any:
    """What `change` returned, plain JSON, now or when the request came first.

    Raises RequestReusedError if it was another request then.
    """

    def carried_out() -> list[Any]:
        data = zlib.compress(json.dumps(change(), allow_nan=False).encode(), 1)
        parts = [data[start : start + _PART] for start in range(0, len(data), _PART)]
        for number, part in enumerate(parts[1:], start=1):
            library.once(_part_id(request_id, number), lambda part=part: part)  # type: ignore[misc]
        return [operation, digest, len(parts), parts[0]]

    kept = library.once(request_id, carried_out)
    if type(kept) is not list or len(kept) != 4 or kept[:2] != [operation, digest]:
        raise RequestReusedError("this request id was used before, for another request; give each request its own")
    parts = [kept[3], *(library.once(_part_id(request_id, number), _forgotten) for number in range(1, kept[2]))]
    return json.loads(zlib.decompress(b"".join(parts)))


def request_id(caller: Caller, key: str) -> str:
    """The library's id for what `caller` calls `key`: callers do not meet. Raises InvalidInputError."""
    if not 1 <= len(key) <= MAX_REQUEST_KEY or not key.isascii() or not key.isprintable():
        raise InvalidInputError(f"a request's id has 1 to {MAX_REQUEST_KEY} printable ASCII characters")
    return f"service/{caller.name}/{key}"


def digest(words: str) -> str:
    """Tells requests apart."""
    return hashlib.blake2b(words.encode(errors="surrogatepass"), digest_size=16).hexdigest()


def _part_id(request_id: str, number: int) -> str:
    return f"{request_id}#{number}"


def _forgotten() -> Any:
    raise AnswerForgottenError("the request was carried out before; its answer is too old to be known whole")
