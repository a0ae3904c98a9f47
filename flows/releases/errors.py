"""What can go wrong with releases of flows. ``str()`` of each says what, and the mend.

ReleaseError
├── Refused              the register said no; nothing was changed
│   ├── Overtaken        somebody published in between; ``live`` is what is live now
│   ├── AlreadyLive      this very version is live
│   ├── NotPending       there is no such version that waits for an approval; ``pending`` is the one that does
│   ├── OwnWork          an author approves no work of their own
│   └── UnknownVersion   no such version is kept
├── RegisterDown         the store did not answer: an act may or may not have happened
├── RegisterNewer        the register was written by a newer Tellerline
├── BundleBroken         the bytes of a bundle are not what was written
└── AudioNotKept         a recording that the version uses cannot be put aside
"""

from __future__ import annotations


class ReleaseError(Exception):
    """Anything about releases. Safe to show to a person."""


class Refused(ReleaseError):
    """The register said no; nothing was changed."""


class Overtaken(Refused):
    """Somebody published in between."""

    def __init__(self, name: str, live: str | None, parent: str | None) -> None:
        self.live = live
        super().__init__(
            f"flow '{name}' has moved on: {live or 'nothing'} is live, and this began from {parent or 'nothing'}. "
            "Look at what was published (tellerline flows diff), and publish again."
        )


class AlreadyLive(Refused):
    """There is nothing to publish."""

    def __init__(self, name: str, version: str) -> None:
        super().__init__(f"version {version} of flow '{name}' is live already: nothing has changed.")


class NotPending(Refused):
    """No such version waits for an approval."""

    def __init__(self, name: str, version: str, pending: str | None) -> None:
        self.pending = pending
        waits = f"{pending} does" if pending else "none does; publish first"
        super().__init__(f"version {version} of flow '{name}' does not wait for an approval: {waits}.")


class OwnWork(Refused):
    """Four eyes: the author does not approve."""

    def __init__(self, name: str, version: str, author: str) -> None:
        super().__init__(f"version {version} of flow '{name}' is {author}'s own work: somebody else must approve it.")


class UnknownVersion(Refused):
    """No such version is kept."""

    def __init__(self, name: str, version: str | None) -> None:
        what = f"no version {version} of flow '{name}' is kept" if version else f"flow '{name}' has no earlier version"
        super().__init__(f"{what}. tellerline flows log shows those that are.")


class RegisterDown(ReleaseError):
    """The store did not answer."""

    def __init__(self, detail: str) -> None:
        super().__init__(
            f"the register of flows does not answer ({detail}): what was asked may or may not have happened. "
            "Look at tellerline flows log before you ask again."
        )


class RegisterNewer(ReleaseError):
    """The register was written by a newer Tellerline."""

    def __init__(self, name: str, found: str) -> None:
        super().__init__(
            f"the register of flow '{name}' has format {found}, which this Tellerline does not know: "
            "a newer one wrote it. Upgrade this one."
        )


class BundleBroken(ReleaseError):
    """The bytes of a bundle are not what was written."""

    def __init__(self, detail: str) -> None:
        super().__init__(f"the stored flow is broken ({detail}): publish it again from its folder.")


class AudioNotKept(ReleaseError):
    """A recording cannot be put aside, so nothing was published."""

    def __init__(self, audio_id: str, detail: str) -> None:
        super().__init__(f"the recording {audio_id} cannot be kept for this version ({detail}); nothing was published.")
