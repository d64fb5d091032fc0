"""The curves are drawn with the control in the same panels; matplotlib is loaded only then."""

from __future__ import annotations

import os
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


@pytest.mark.parametrize("backend", ["module://matplotlib_inline.backend_inline", "no-such-backend", "tkagg", ""])
def test_figures_are_drawn_whatever_backend_is_set_and_it_stays_the_users(backend: str, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    code = f"""
import os, sys
from agent import Episode, History, plots
history = History([Episode(index=0, reward=1.0, steps=2, success=True, skills=1, uses=0)])
plots.draw({str(tmp_path / "curves.png")!r}, history, history)
import matplotlib
assert os.environ["MPLBACKEND"] == {backend!r}
assert {backend!r} != "tkagg" or matplotlib.rcParams["backend"] == "tkagg"
assert "matplotlib.pyplot" not in sys.modules
"""
    environment = {name: value for name, value in os.environ.items() if name != "DISPLAY"}
    subprocess.run([sys.executable, "-c", code], check=True, env={**environment, "MPLBACKEND": backend})
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_the_picture_of_a_bench_is_drawn_whatever_backend_is_set() -> None:
    pytest.importorskip("matplotlib")
    code = "from skillstore.bench.plots import _import_matplotlib; _import_matplotlib(); import matplotlib.figure"
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "MPLBACKEND": "no-such-backend"})
