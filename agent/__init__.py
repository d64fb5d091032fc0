"""An agent that learns skills from experience and keeps them in a skillstore library.

``GridWorld`` is a world to try it in, ``ProceduralMemoryAgent`` the agent, ``train`` the loop. The agent is one user
of the library among others: it uses public names only.

>>> import numpy as np
>>> from skillstore import SkillLibrary
>>> library = SkillLibrary(embedding_dim=ENCODER_DIM)
>>> agent = ProceduralMemoryAgent(library, np.random.default_rng(0))
>>> [episode.steps for episode in train(GridWorld(), agent, 5)][-3:]
[10, 10, 10]
"""

from agent.encoder import ENCODER_DIM, ENCODER_NAME
from agent.environment import Environment, Observation
from agent.exploration import CuriousExplorer, Explorer, FrontierExplorer, RandomExplorer
from agent.extraction import extract_skill
from agent.gridworld import GridWorld
from agent.history import Episode, History, Transition
from agent.procedural import ProceduralMemoryAgent
from agent.training import train

__all__ = [
    "ENCODER_DIM",
    "ENCODER_NAME",
    "CuriousExplorer",
    "Environment",
    "Episode",
    "Explorer",
    "FrontierExplorer",
    "GridWorld",
    "History",
    "Observation",
    "ProceduralMemoryAgent",
    "RandomExplorer",
    "Transition",
    "extract_skill",
    "train",
]
