"""Where the texts of each node are kept. One hash tag in every key: a Cluster runs each script on one of its nodes."""

from __future__ import annotations

from dataclasses import dataclass

NOBODY = "nobody"  # the node whose outbox is used while none lives: the next one that starts adopts it


@dataclass(frozen=True, slots=True)
class Places:
    """The keys of one deployment."""

    prefix: str = "tellerline"

    @property
    def base(self) -> str:
        """What every key of the channel begins with."""
        return f"{self.prefix}:{{sms}}:"

    def inbox(self, node: str) -> str:
        """Stream: texts that came in and are not answered."""
        return f"{self.base}inbox:{node}"

    def outbox(self, node: str) -> str:
        """Stream: texts that go out and are not dealt with."""
        return f"{self.base}outbox:{node}"

    def news(self, node: str) -> str:
        """Counter: how often others have put texts into a node's outbox."""
        return f"{self.base}outbox:{node}:news"

    def lease(self, node: str) -> str:
        """String with a time to live: the token of the process that is this node."""
        return f"{self.base}node:{node}"

    @property
    def nodes(self) -> str:
        """Hash: what is known of each node that may have texts."""
        return f"{self.base}nodes"
