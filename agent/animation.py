"""Animation: episodes side by side as a GIF, drawn from observations alone. The only door to Pillow, at first use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.environment import UNSEEN, Cell, Environment, Observation
from skillstore import InvalidInputError

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

CELL, MARGIN, CAPTION = 24, 12, 20  # pixels
FRAME, LAST_FRAME = 120, 2500  # milliseconds
COLOURS = {
    "red": "#d23b3b",
    "green": "#2f9e44",
    "blue": "#2b6cb0",
    "purple": "#7048a8",
    "yellow": "#d9a400",
    "grey": "#6b7280",
}
FLOOR, WALL, HIDDEN, AGENT = "#f7f5ef", "#4b5563", "#c9ced6", "#1b6ca8"


@dataclass
class Film:
    """A world that keeps what is seen of its last episode; an ``Environment`` around ``world``."""

    world: Environment
    title: str = ""
    seen: list[Observation] = field(default_factory=list)
    solved: bool = False

    @property
    def action_count(self) -> int:
        """As in the world itself."""
        return self.world.action_count

    @property
    def action_names(self) -> tuple[str, ...]:
        """As in the world itself."""
        return self.world.action_names

    @property
    def tile_names(self) -> Mapping[int, str]:
        """As in the world itself."""
        return self.world.tile_names

    def reset(self, *, seed: int | None = None) -> tuple[Observation, dict[str, Any]]:
        """Begin an episode, and the film anew."""
        observation, info = self.world.reset(seed=seed)
        self.seen, self.solved = [observation], False
        return observation, info

    def step(self, action: int) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Do one action."""
        observation, reward, terminated, truncated, info = self.world.step(action)
        self.seen.append(observation)
        self.solved = terminated and reward > 0
        return observation, reward, terminated, truncated, info

    def caption(self, step: int) -> str:
        """What is written under the frame of a step."""
        steps = len(self.seen) - 1
        ending = f"{'solved' if self.solved else 'not solved'}, {steps} step{'s' if steps != 1 else ''}"
        return f"{self.title}: {f'step {step}' if step < steps else ending}"


def animate(path: str | Path, films: Sequence[Film], *, most: int = 200) -> None:
    """Write a GIF of the films side by side, at the same pace, at most ``most`` steps of each and its last frame.

    Bodies that turn are drawn as arrows and their worlds with y downwards, others as discs, y upwards. Raises
    ImportError, naming the extra to install, without Pillow, and InvalidInputError for films without an episode.
    """
    if not films or not all(film.seen for film in films):
        raise InvalidInputError("there is nothing to show: a film has no episode")
    try:
        from PIL import Image, ImageDraw
    except ImportError as error:
        raise ImportError("an animation needs Pillow: pip install 'skillstore[plot]'") from error
    sizes = [(CELL * film.seen[0].grid.shape[0], CELL * film.seen[0].grid.shape[1]) for film in films]
    width = sum(max(size[0], 200) + MARGIN for size in sizes) + MARGIN
    height = max(size[1] for size in sizes) + 2 * MARGIN + CAPTION
    last = max(len(film.seen) for film in films) - 1
    frames: list[Image.Image] = []
    for step in [*range(min(last, most)), last]:
        frame = Image.new("RGB", (width, height), "white")
        left = MARGIN
        for film, size in zip(films, sizes, strict=True):
            at = min(step, len(film.seen) - 1)
            frame.paste(_picture(film.seen[at], film.tile_names, size), (left, MARGIN))
            ImageDraw.Draw(frame).text((left, MARGIN + size[1] + 4), film.caption(at), fill="black")
            left += max(size[0], 200) + MARGIN
        frames.append(frame)
    pace = [FRAME] * (len(frames) - 1) + [LAST_FRAME]
    frames[0].save(path, format="GIF", save_all=True, append_images=frames[1:], duration=pace, loop=0)


def _picture(observation: Observation, names: Mapping[int, str], size: tuple[int, int]) -> Image:
    from PIL import Image, ImageDraw

    image = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(image)
    turns = len(observation.pose) > 2
    for x, column in enumerate(observation.grid.tolist()):
        for y, code in enumerate(column):
            _tile(draw, _corner((x, y), len(column), turns), HIDDEN if code == UNSEEN else names.get(code, ""))
    left, top = _corner(observation.cell, observation.grid.shape[1], turns)
    if turns:
        draw.polygon(_arrow(left, top, observation.pose[2]), fill=AGENT)
    else:
        draw.ellipse((left + 5, top + 5, left + CELL - 6, top + CELL - 6), fill=AGENT)
    if observation.carrying is not None:
        draw.ellipse((left + 9, top + 9, left + CELL - 10, top + CELL - 10), fill=_colour(names[observation.carrying]))
    return image


def _corner(cell: Cell, height: int, downwards: bool) -> Cell:
    return CELL * cell[0], CELL * (cell[1] if downwards else height - 1 - cell[1])


def _tile(draw: ImageDraw, corner: Cell, word: str) -> None:
    left, top = corner
    box = (left, top, left + CELL - 2, top + CELL - 2)
    inner = (left + 6, top + 6, left + CELL - 8, top + CELL - 8)
    draw.rectangle(box, fill=HIDDEN if word == HIDDEN else WALL if "wall" in word else FLOOR)
    if "goal" in word:
        draw.rectangle(box, fill=COLOURS["green"])
    elif "lava" in word:
        draw.rectangle(box, fill="#f97316")
    elif "door" in word:
        opened = word.startswith("open")
        draw.rectangle(box, outline=_colour(word), width=3, fill=FLOOR if opened else _colour(word))
    elif "box" in word:
        draw.rectangle(inner, outline=_colour(word), width=3)
    elif "key" in word or "ball" in word:
        draw.ellipse(inner, fill=_colour(word))


def _colour(word: str) -> str:
    found = (shade for name, shade in COLOURS.items() if name in word.split())
    return next(found, COLOURS["yellow"] if "key" in word else "#8b5e34")


def _arrow(left: int, top: int, heading: int) -> list[Cell]:
    middle, reach = CELL // 2 - 1, CELL // 2 - 4
    dx, dy = ((1, 0), (0, 1), (-1, 0), (0, -1))[heading]
    x, y = left + middle, top + middle
    back = (x - dx * reach, y - dy * reach)
    return [(x + dx * reach, y + dy * reach), (back[0] - dy * reach, back[1] + dx * reach),
            (back[0] + dy * reach, back[1] - dx * reach)]  # fmt: skip
