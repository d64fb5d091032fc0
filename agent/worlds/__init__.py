"""Worlds made of other worlds, and worlds that nobody here wrote; each is an ``Environment``."""
