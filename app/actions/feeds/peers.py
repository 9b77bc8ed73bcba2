"""Peers: load a public file of other banks' rates."""

from __future__ import annotations

from app.reporting.peers.service import LoadedPeers, load_peers

__all__ = ["LoadedPeers", "load_peers"]
