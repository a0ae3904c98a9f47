"""Releases of flows: versions that are published, approved, taken back, and kept for the sessions that run on them.

:mod:`flows.releases.bundle` is what one version is made of, :mod:`flows.releases.register` says which one is live,
:mod:`flows.releases.library` is where a node's runner gets its flows from.
"""
