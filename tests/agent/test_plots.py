"""The curves are drawn with the control in the same panels; matplotlib is loaded only then."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from agent.history import Episode, History

RUN = History(Episode(index, index - 20.0, 250 - index, False, index, 2 * index) for index in range(30))
CONTROL = History(Episode(index, -25.0, 250, False, 0, 0) for index in range(30))


def test_a_png_with_four_panels_each_with_run_and_control(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("matplotlib")
    from matplotlib.figure import Figure

    from agent.plots import draw

    drawn: list[Figure] = []
    save = Figure.savefig

    def watched(figure: Figure, path: Path, format: str) -> None:  # noqa: A002
        drawn.append(figure)
        save(figure, path, format=format)

    monkeypatch.setattr(Figure, "savefig", watched)
    draw(tmp_path / "curves.png", RUN, CONTROL)
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert len(drawn[0].axes) == 4
    for axes, column in zip(drawn[0].axes, ("reward", "steps", "skills", "uses"), strict=True):
        lines = {line.get_label(): list(line.get_ydata()) for line in axes.get_lines()}  # type: ignore[arg-type]
        assert {"with skills", "control: skills off"} <= set(lines)
        if column in ("skills", "uses"):
            assert lines["with skills"] == [getattr(episode, column) for episode in RUN]


def test_nothing_to_draw_is_an_error(tmp_path: Path) -> None:
    from agent.plots import draw

    with pytest.raises(ValueError, match="no episodes"):
        draw(tmp_path / "curves.png", History(), CONTROL)


def test_importing_the_agent_loads_neither_matplotlib_nor_faiss() -> None:
    code = "import sys, agent, agent.plots; print([name for name in ('matplotlib', 'faiss') if name in sys.modules])"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"
