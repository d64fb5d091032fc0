"""Peers: what else could answer the question, each behind the protocol of `peer`."""
