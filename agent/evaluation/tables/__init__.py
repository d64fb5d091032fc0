"""The tables: one module each, in the order in which they are read."""

from agent.evaluation.table import Table
from agent.evaluation.tables import (
    alone,
    distractors,
    doorkey,
    grid,
    partial,
    planning,
    restart,
    rooms,
    slips,
    stretch,
    transfer,
    tutorial,
)

TABLES: dict[str, Table] = {
    module.TABLE.name: module.TABLE
    for module in (
        tutorial,
        transfer,
        alone,
        restart,
        doorkey,
        partial,
        rooms,
        stretch,
        distractors,
        slips,
        planning,
        grid,
    )
}
"""By name."""
