"""HTTP: the operations under /v1, and what a server has besides. `app.application` is the whole; `server` runs it.

A request passes `gate` (host, origin, key, rate; its id, its log line), then one endpoint: `endpoint` for an operation,
as `ways` says, `streams` for what is too long for one answer. `problems` makes an answer of every error.
"""
