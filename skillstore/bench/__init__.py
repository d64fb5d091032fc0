"""Measuring a library beside its alternatives: `skillstore bench`."""
