"""Crash points: a directory as a crash may leave it after every call of a library's life, and what must be in it.

`record` notes every call that changes a directory, `disk` plays them on a simulated disk, `models` says what a crash
may leave of it; `life`, `workloads` and `steps` are what libraries do meanwhile; `check` opens what is left, `points`
counts. `mutants`, `tampered` and `naive` show that it can fail.
"""
