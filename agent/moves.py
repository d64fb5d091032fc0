"""Moves: what each action does to the pose and which tiles can be entered, learned by watching."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

from agent.environment import UNSEEN, Cell, Observation, Pose
from agent.ways import Grid, Reach, Step, inside, moved, spread

NO_MOVE = -1


@dataclass
class Moves:
    """What is known of moving about; empty at first, and the same for every place.

    ``seen`` counts, for an action and a heading, each change of pose it made; ``stayed`` how often it made none
    where one was to be expected, so that an action that once slipped into a move is not taken for one. ``touched`` has,
    for a heading, the offsets at which something else than a move had an effect.
    ``entered`` and ``barred`` count, for each tile code, how often it let the agent in and how often not;
    ``today`` counts both for the running episode, because the same tile may let it pass in another world.
    """

    seen: dict[tuple[int, Pose], dict[Step, int]] = field(default_factory=dict)
    stayed: dict[tuple[int, Pose], int] = field(default_factory=dict)
    touched: dict[Pose, dict[Cell, None]] = field(default_factory=dict)
    entered: dict[int, int] = field(default_factory=dict)
    barred: dict[int, int] = field(default_factory=dict)
    today: dict[int, tuple[int, int]] = field(default_factory=dict)
    _known: dict[Pose, dict[int, Step]] | None = field(default=None, compare=False)
    _ahead: dict[Pose, list[tuple[int, Cell]]] = field(default_factory=dict, compare=False)
    _open: dict[Pose, Reach] = field(default_factory=dict, compare=False)
    _enterable: dict[int, bool] = field(default_factory=dict, compare=False)

    def watch(self, before: Observation, action: int, after: Observation) -> None:
        """Learn from one step."""
        key = (action, before.pose[2:])
        if after.pose != before.pose:
            step = (after.pose[0] - before.pose[0], after.pose[1] - before.pose[1], *after.pose[2:])
            counts = self.seen.setdefault(key, {})
            counts[step] = counts.get(step, 0) + 1
            if after.cell != before.cell:
                self._note(int(before.grid[after.cell]), let_in=True)
        else:
            self._stayed(before, key)
        if self._known is not None and self._known.get(key[1], {}).get(action) != self._most_often(key):
            self._forget()

    def _stayed(self, before: Observation, key: tuple[int, Pose]) -> None:
        expected = self.after(before.pose, key[0])
        if expected is None or expected[:2] == before.cell:
            if key in self.seen:
                self.stayed[key] = self.stayed.get(key, 0) + 1
        elif inside(expected, before.grid):
            tile = int(before.grid[expected[:2]])
            if self.can_enter(tile):
                self.stayed[key] = self.stayed.get(key, 0) + 1
            self._note(tile, let_in=False)

    def touch(self, pose: Pose, cell: Cell) -> None:
        """Learn that what was done at ``pose`` worked on ``cell``: where a body with this heading reaches."""
        offset = (cell[0] - pose[0], cell[1] - pose[1])
        if offset not in self.touched.get(pose[2:], {}):
            self.touched.setdefault(pose[2:], {})[offset] = None
            self._forget()

    def _forget(self) -> None:
        self._known = None
        self._ahead.clear()
        self._open.clear()

    def _note(self, tile: int, *, let_in: bool) -> None:
        if tile == UNSEEN:
            return
        counts = self.entered if let_in else self.barred
        counts[tile] = counts.get(tile, 0) + 1
        entered, barred = self.today.get(tile, (0, 0))
        self.today[tile] = (entered + let_in, barred + (not let_in))
        self._enterable.pop(tile, None)

    def steps(self) -> dict[Pose, dict[int, Step]]:
        """For each heading the actions known to change the pose, and how; in the order learned."""
        if self._known is None:
            self._known = {}
            for action, heading in self.seen:
                step = self._most_often((action, heading))
                if step is not None:
                    self._known.setdefault(heading, {})[action] = step
        return self._known

    def _most_often(self, key: tuple[int, Pose]) -> Step | None:
        counts = self.seen.get(key)
        if not counts:
            return None
        step = max(counts, key=lambda made: counts[made])
        return step if counts[step] > self.stayed.get(key, 0) else None

    def after(self, pose: Pose, action: int) -> Pose | None:
        """Where the action most often leads from ``pose`` when nothing is in the way; None when not known."""
        step = self.steps().get(pose[2:], {}).get(action)
        return None if step is None else (pose[0] + step[0], pose[1] + step[1], *step[2:])

    def can_enter(self, tile: int) -> bool:
        """Whether the tile is more likely than not to let the agent in; never without having done so.

        The share of this episode's tries, with two more taken from all episodes; or six, where steps are known
        to fail now and then, for a tile that nearly always let it in: then it was the step that failed, not the tile.
        """
        known = self._enterable.get(tile)
        if known is None:
            known = self._enterable[tile] = self._lets_in(tile)
        return known

    def _lets_in(self, tile: int) -> bool:
        entered, barred = self.entered.get(tile, 0), self.barred.get(tile, 0)
        if not entered:
            return False
        now_in, now_out = self.today.get(tile, (0, 0))
        share = entered / (entered + barred)
        more = 6 if share > 0.8 and self._slips() else 2
        return now_in + more * share > (now_in + now_out + more) / 2

    def _slips(self) -> bool:
        moves = [(action, heading) for heading, made in self.steps().items() for action in made]
        made = sum(sum(self.seen[key].values()) for key in moves)
        return sum(self.stayed.get(key, 0) for key in moves) > 0.03 * made

    def begin(self) -> None:
        """Another episode: what let the agent in so far may not do so now."""
        self.today.clear()
        self._enterable.clear()

    def could_be_at(self, pose: Pose, before: Pose, grid: Grid) -> bool:
        """Whether a step from ``before`` to ``pose`` leaves the cell only for one that can be entered."""
        return pose[:2] == before[:2] or (inside(pose, grid) and self.can_enter(int(grid[pose[:2]])))

    def headings(self) -> list[Pose]:
        """The headings in which anything is known."""
        return list(dict.fromkeys([*self.steps(), *self.touched]))

    def ahead(self, heading: Pose) -> list[tuple[int, Cell]]:
        """The offsets within reach of a body with this heading: where one move leads (with the move), and what was
        touched (with ``NO_MOVE``)."""
        known = self._ahead.get(heading)
        if known is None:
            moves = self.steps().get(heading, {}).items()
            known = [(action, (step[0], step[1])) for action, step in moves if step[:2] != (0, 0)]
            offsets = [offset for _, offset in known]
            known += [(NO_MOVE, offset) for offset in self.touched.get(heading, {}) if offset not in offsets]
            self._ahead[heading] = known
        return known

    def beside(self, pose: Pose, grid: Grid) -> list[tuple[int, Cell]]:
        """The cells within reach, whether or not they can be entered, with the move that leads there."""
        x, y = pose[:2]
        width, height = grid.shape
        return [
            (action, (x + dx, y + dy))
            for action, (dx, dy) in self.ahead(pose[2:])
            if 0 <= x + dx < width and 0 <= y + dy < height
        ]

    def reach(self, start: Pose, grid: Grid) -> Reach:
        """The shortest ways from ``start`` to every pose, over tiles that can be entered, nearest first.

        Breadth first; ties go to the move learned first.
        """
        return spread(start, grid.shape, self.steps(), self._open_cells(grid))

    def distance(self, step: Step, heading: Pose, span: int) -> int | None:
        """How many actions a change of pose takes where nothing is in the way; None when there is no known way.

        No kept way can be shorter. ``span`` bounds the cells walked along each axis.
        """
        reach = self._open.get((span, *heading))
        if reach is None:
            side = 2 * span + 1
            everywhere = [[True] * side for _ in range(side)]
            reach = spread((span, span, *heading), (side, side), self.steps(), everywhere)
            self._open[(span, *heading)] = reach
        found = reach.get(moved((span, span), step))
        return found[0] if found else None

    def ways_to(self, target: Pose, grid: Grid) -> dict[Pose, tuple[int, Pose]]:
        """The shortest ways to ``target`` from every pose that has one, over tiles that can be entered.

        Returns pose -> (action, next pose); the target itself is no key, and there are no ways to one outside the
        grid. The target's own tile need not be known to be enterable. Breadth first, backwards; ties go to the
        move learned first.
        """
        steps = [(action, heading, step) for heading, made in self.steps().items() for action, step in made.items()]
        cells = self._open_cells(grid)
        ways: dict[Pose, tuple[int, Pose]] = {}
        frontier = deque([target] if inside(target, grid) else [])
        while frontier:
            pose = frontier.popleft()
            through = pose == target or cells[pose[0]][pose[1]]
            for action, heading, step in steps:
                if step[2:] != pose[2:] or not (through or step[:2] == (0, 0)):
                    continue  # a way may begin on whatever tile this is, and turn there, but not lead through
                origin = (pose[0] - step[0], pose[1] - step[1], *heading)
                if origin != target and origin not in ways and inside(origin, grid):
                    ways[origin] = (action, pose)
                    frontier.append(origin)
        return ways

    def _open_cells(self, grid: Grid) -> list[list[bool]]:
        return [[self.can_enter(code) for code in column] for column in grid.tolist()]

    def pack(self, action_names: tuple[str, ...]) -> dict[str, Any]:
        """What is known beyond the running episode, as plain values; actions go by their names."""
        seen = [
            [
                action_names[action],
                list(heading),
                [[list(step), count] for step, count in counts.items()],
                self.stayed.get((action, heading), 0),
            ]
            for (action, heading), counts in self.seen.items()
        ]
        touched = [[list(heading), [list(offset) for offset in offsets]] for heading, offsets in self.touched.items()]
        return {"seen": seen, "touched": touched, "entered": _pairs(self.entered), "barred": _pairs(self.barred)}

    @classmethod
    def unpack(cls, packed: dict[str, Any], action_names: tuple[str, ...]) -> Moves:
        """What ``pack`` wrote; actions that this environment does not have are left out."""
        moves = cls(entered=dict(packed["entered"]), barred=dict(packed["barred"]))
        moves.touched = {
            tuple(heading): dict.fromkeys((dx, dy) for dx, dy in offsets) for heading, offsets in packed["touched"]
        }
        for name, heading, counts, stayed in packed["seen"]:
            if name in action_names:
                key = (action_names.index(name), tuple(heading))
                moves.seen[key] = {tuple(step): count for step, count in counts}
                if stayed:
                    moves.stayed[key] = stayed
        return moves


def _pairs(counts: dict[int, int]) -> list[list[int]]:
    return [list(pair) for pair in counts.items()]
