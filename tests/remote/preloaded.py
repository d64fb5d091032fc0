"""What a server needs, loaded before it is forked off."""

from __future__ import annotations

import faiss  # noqa: F401

import skillstore.local.opening
import skillstore.service.running  # noqa: F401
