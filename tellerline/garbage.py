"""How often a node that serves looks for garbage.

Nearly everything that a call or a text makes is freed the moment nobody holds it; the collector is for what holds
itself. By its own measure it looks at the young objects after every 700 that are made, which is some thousand times a
second, and ever again at the flows, catalogues and tables that live as long as the node. That was a fifth of what a
balance text costs.
"""

from __future__ import annotations

import gc

YOUNG = 50_000  # objects made and not freed before they are looked through: some ten megabytes
OLDER = 20  # such looks before those that have outlived some are looked through too


def collect_seldom() -> None:
    """Take what there is for permanent, and look for garbage seldom from now on. Called once, when a node is up."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, OLDER, OLDER)
