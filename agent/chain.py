"""Chains: which effects lead to the end, by circumstances alone, wherever the tiles are.

Every chain of events that a search over the grid could find is one of these too, so where there is none, nobody need
search. It costs no pass over the grid, and says what comes next; it does not know what is in the way.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Sequence

from agent.effect import Effect
from agent.environment import UNSEEN
from agent.facts import State, seen
from agent.operator import Operator
from agent.ways import Grid

Codes = dict[int, int]  # how many tiles of each code are in view
Wanted = Callable[[State], bool]
LONGEST = 12  # events


def chain(
    grid: Grid, carrying: int | None, operators: Sequence[Operator], wanted: Wanted | None
) -> tuple[list[Operator], bool]:
    """The shortest chain of operators from here to the end, or to circumstances that are ``wanted``; empty for none.

    Chains of operators whose needs all hold are preferred; without one, those that are only hopeful count too. The
    second value says whether the chain is sure. Breadth first; each operator changes what is carried, and one tile, as
    its effect says.
    """
    codes = dict(Counter(grid.ravel().tolist()))
    codes.pop(UNSEEN, None)
    for sure in (True, False):
        found = _search(codes, carrying, operators, wanted, sure)
        if found:
            return found, sure
    return [], False


def leading(operators: Sequence[Operator]) -> list[Operator]:
    """Those that bring about the end, or what such need: their tile, or what they give up or hold."""
    led = [operator for operator in operators if operator.effect.ends]
    tiles, held = {operator.effect.tile for operator in led}, {operator.effect.held for operator in led}
    rest = [operator for operator in operators if not operator.effect.ends]
    while more := [operator for operator in rest if _makes(operator.effect, tiles, held)]:
        led += more
        rest = [operator for operator in rest if operator not in more]
        tiles |= {operator.effect.tile for operator in more}
        held |= {operator.effect.held for operator in more}
    return led


def _makes(effect: Effect, tiles: set[int], held: set[int | None]) -> bool:
    becomes = effect.becomes != effect.tile and effect.becomes in tiles
    return becomes or (effect.holds != effect.held and effect.holds in held)


def left(codes: Codes, carrying: int | None, operators: Sequence[Operator], wanted: Wanted | None) -> int | None:
    """How many events there are to the end by the shortest chain that is at least hopeful; None for no chain."""
    return len(_search(codes, carrying, operators, wanted, sure=False)) or None


def _search(
    codes: Codes, carrying: int | None, operators: Sequence[Operator], wanted: Wanted | None, sure: bool
) -> list[Operator]:
    frontier: deque[tuple[Codes, int | None, list[Operator]]] = deque([(codes, carrying, [])])
    visited = {key(codes, carrying)}
    while frontier:
        codes, carrying, taken = frontier.popleft()
        state = told(codes, carrying)
        for operator in operators:
            effect = operator.effect
            if not codes.get(effect.tile) or not (operator.holds(state) if sure else operator.hopeful(state)):
                continue
            after = changed(codes, effect)
            if effect.ends if wanted is None else wanted(told(after, effect.holds)):
                return [*taken, operator]
            known = key(after, effect.holds)
            if known not in visited and len(taken) < LONGEST:
                visited.add(known)
                frontier.append((after, effect.holds, [*taken, operator]))
    return []


def told(codes: Codes, carrying: int | None) -> State:
    """The circumstances as facts."""
    return {"carrying": carrying, **{seen(code): True for code, count in codes.items() if count}}


def changed(codes: Codes, effect: Effect) -> Codes:
    """How many tiles there are of each code after an effect."""
    if effect.tile == effect.becomes:
        return codes
    return {
        **codes,
        effect.tile: codes.get(effect.tile, 0) - 1,
        effect.becomes: codes.get(effect.becomes, 0) + 1,
    }


def key(codes: Codes, carrying: int | None) -> tuple[int | None, frozenset[tuple[int, int]]]:
    """What distinguishes circumstances."""
    return carrying, frozenset((code, count) for code, count in codes.items() if count)
