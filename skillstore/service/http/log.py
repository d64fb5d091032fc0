"""Log: one JSON line for each request, of what the server knows and never of what it was given."""

from __future__ import annotations

import json
import logging
import traceback
from datetime import datetime, timezone

LOGGER = logging.getLogger("skillstore.service")
_FIELDS = ("request_id", "method", "route", "status", "ms", "key", "error", "at")


class Lines(logging.Formatter):
    """A record as one line of JSON: time, level, message, and the fields of a request."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, timezone.utc).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
        }
        line.update((name, getattr(record, name)) for name in _FIELDS if hasattr(record, name))
        return json.dumps(line)


def request(method: str, route: str, status: int, seconds: float, request_id: str, key: str) -> None:
    """A request was answered."""
    if LOGGER.isEnabledFor(logging.INFO):
        fields = {
            "request_id": request_id,
            "method": method,
            "route": route,
            "status": status,
            "ms": round(1000 * seconds, 3),
            "key": key,
        }
        LOGGER.info("request", extra=fields)


def defect(error: BaseException, request_id: str) -> None:
    """An error that is none of ours: its type and where, not its words, as these may repeat what was given."""
    places = [
        f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)
    ]
    LOGGER.error("defect", extra={"request_id": request_id, "error": type(error).__name__, "at": places[-8:]})
