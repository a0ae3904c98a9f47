"""What people do with versions: propose, approve, withdraw, go back, switch notices; each proven, audited and told.

    async with open_office(config) as office:
        person = await office.people.prove(token, "anna", Role.AUTHOR)
        released = await office.propose(ready, person, "new opening hours", parent)

The register carries an act out in one script; the audit chain has it asked before, and done after.
"""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from core_client.adapters.clock import SystemClock
from core_client.domain.staff import Person, Role
from core_client.language.suggest import did_you_mean
from core_client.ports.clock import Clock
from core_client.services.staff import People
from flows.differences import Change, differences
from flows.errors import FlowError
from flows.model import Flow
from flows.releases.bundle import Bundle
from flows.releases.errors import BundleBroken, NotPending, Refused, UnknownVersion
from flows.releases.register import Act, Entry, Notice, Releases, State
from sounds.catalogue import Catalogue
from tellerline.bootstrap import open_bank_only, open_releases
from tellerline.config import Config
from tellerline.errors import TellerlineError
from tellerline.publishing import Begun, Gate, Ready, needs_approval

LATEST = "latest"
MIN_PREFIX = 4  # hex digits that name a version, where only one begins with them
_LOG_DEPTH = 200  # entries among which a short version is looked for
GOES_BACK = (Role.APPROVER, Role.OPERATOR)  # to a version that was approved once: no second pair of eyes is waited for


class NothingLiveError(TellerlineError):
    """Nothing is published yet."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"nothing of flow '{name}' is live yet\n  mend: Publish it, or start the server once: it publishes its own."
        )


@dataclass(frozen=True, slots=True)
class Proposed:
    """What became of a proposal."""

    entry: Entry
    may_approve: tuple[str, ...]  # who can, where somebody has to
    before: str | None  # what was live when it was proposed
    changes: tuple[Change, ...]  # from what was live
    replaced: Entry | None = None  # what waited until now, and is void

    @property
    def is_live(self) -> bool:
        """Whether callers get it."""
        return self.entry.state is State.LIVE


@dataclass(frozen=True, slots=True)
class Standing:
    """How one flow stands."""

    name: str
    live: Entry | None
    pending: Entry | None
    draft: Entry | None
    may_approve: tuple[str, ...]
    notices: tuple[Notice, ...]  # those that are on


class Office:
    """Does what people ask, and writes it down. The person is proven before; here it only counts what they may."""

    def __init__(self, config: Config, people: People, releases: Releases, clock: Clock | None = None) -> None:
        self.people = people
        self.releases = releases
        self._config = config
        self._clock = clock or SystemClock()

    async def propose(
        self, ready: Ready, person: Person, message: str, begun: Begun, *, onto_live: bool = False
    ) -> Proposed:
        """Publish a version that passed the gate: live at once, or once somebody else approves it.

        Args:
            ready: from the gate, its recordings kept.
            person: the author.
            message: what is new, and why.
            begun: what the folder's edits began from.
            onto_live: what is live by now is known to the author, and may be replaced.

        Raises:
            Refused: something else is live by now, or the same already.
        """
        name, version = ready.bundle.name, ready.bundle.version
        live = await self.releases.live_entry(name)
        before = live.version if live is not None else None
        # A node's own first start published what lay in the folder: nobody's work is lost by what follows it.
        nobodys = live is not None and live.act is Act.FIRST_START
        parent = before if onto_live or nobodys else begun.parent(before)
        wanted = needs_approval(ready.flow, self._config)
        changes = await self.changes(ready.bundle, before)
        waited = await self.releases.pending(name)
        await self._record(person, "flow.publish_asked", name, version, message=message[:200])
        entry = await self.releases.propose(
            ready.bundle,
            author=person.name,
            message=message,
            parent=parent,
            needs_approval=wanted,
            at=self._clock.now(),
        )
        await self._record(person, "flow.proposed" if wanted else "flow.published", name, version)
        replaced = waited if waited is not None and waited.version != version else None
        return Proposed(entry, await self.may_approve(person.name) if wanted else (), before, changes, replaced)

    async def draft(self, ready: Ready, person: Person, message: str) -> Entry:
        """Make a version callable on the draft number."""
        entry = await self.releases.draft(ready.bundle, author=person.name, message=message, at=self._clock.now())
        await self._record(person, "flow.drafted", ready.bundle.name, ready.bundle.version)
        return entry

    async def pending(self, name: str, version: str) -> Entry:
        """Answer what waits, when it is the one that is asked for.

        Raises:
            Refused: another one waits, or none does.
        """
        entry = await self.releases.pending(name)
        if entry is None and version == LATEST:
            raise Refused(f"nothing of flow '{name}' waits for an approval: publish first.")
        if entry is None or (version != LATEST and not _is(entry.version, version)):
            raise NotPending(name, version, entry.version if entry is not None else None)
        return entry

    async def changes(self, bundle: Bundle, live: str | None) -> tuple[Change, ...]:
        """Answer what a version changes in the one that is live; nothing where that cannot be compared any more."""
        if live is None:
            return ()
        try:
            return differences(await self.releases.get(bundle.name, live), bundle)
        except (Refused, BundleBroken, FlowError):
            return ()  # of an older Tellerline, or swept: what is new stands by itself

    async def approve(self, name: str, entry: Entry, person: Person, gate: Gate) -> tuple[Entry, tuple[Change, ...]]:
        """Make the version that waits live, after this node's software has loaded and checked it again.

        Returns:
            The entry, and what changes for callers.

        Raises:
            NotReadyError: this software finds errors in it.
            Refused: it is the approver's own work, does not wait any more, or something else is live by now.
        """
        bundle = await self.releases.get(name, entry.version)
        gate.check_again(bundle)
        changes = await self.changes(bundle, entry.parent)
        await self._record(person, "flow.approve_asked", name, entry.version)
        approved = await self.releases.approve(name, entry.version, approver=person.name, at=self._clock.now())
        await self._record(person, "flow.approved", name, entry.version, author=entry.author)
        return approved, changes

    async def withdraw(self, name: str, person: Person) -> Entry:
        """Take the version that waits back: its author, or an approver who refuses it.

        Raises:
            Refused: none waits; or it is somebody else's, and the person approves nothing.
        """
        entry = await self.pending(name, LATEST)
        if entry.author != person.name and not person.has(Role.APPROVER):
            raise Refused(
                f"version {entry.version} of flow '{name}' is {entry.author}'s: they take it back, or an approver does."
            )
        await self._record(person, "flow.withdraw_asked", name, entry.version)
        withdrawn = await self.releases.withdraw(name, entry.version, by=person.name, at=self._clock.now())
        await self._record(person, "flow.withdrawn", name, entry.version, author=entry.author)
        return withdrawn

    async def roll_back(self, name: str, version: str | None, person: Person, message: str, gate: Gate) -> Entry:
        """Make a version live again that was live before; without one, the one before.

        Raises:
            NotReadyError: this software finds errors in it.
            Refused: there is no such version.
        """
        wanted = await self.full_version(name, version) if version is not None else await self._one_before(name)
        gate.check_again(await self.releases.get(name, wanted))
        await self._record(person, "flow.rollback_asked", name, wanted, message=message[:200])
        entry = await self.releases.rollback(name, wanted, by=person.name, message=message, at=self._clock.now())
        await self._record(person, "flow.rolled_back", name, wanted)
        return entry

    async def live_flow(self, name: str, catalogue: Catalogue) -> Flow:
        """Answer the flow that is live.

        Raises:
            NothingLiveError: none is.
        """
        version = await self.releases.live(name)
        if version is None:
            raise NothingLiveError(name)
        return (await self.releases.get(name, version)).load(catalogue)

    async def set_notice(
        self, flow: Flow, notice: str, person: Person, *, on: bool, until: datetime.datetime | None = None
    ) -> Notice:
        """Switch a notice of the live flow on or off, on every node at once.

        Raises:
            Refused: the flow has no such notice.
        """
        if notice not in flow.notices:
            known = did_you_mean(notice, flow.notices) or f"It has {', '.join(sorted(flow.notices)) or 'none'}."
            raise Refused(f"flow '{flow.name}' has no notice '{notice}'. {known}")
        detail = {"until": until.isoformat()} if until is not None else {}
        action = f"notice.switched_{'on' if on else 'off'}"
        await self.people.record(person.name, action, f"flow:{flow.name}", notice=notice, **detail)
        return await self.releases.set_notice(
            flow.name, notice, on=on, until=until, by=person.name, at=self._clock.now()
        )

    async def standing(self, name: str) -> Standing:
        """Answer how a flow stands: what is live, what waits for whom."""
        pending, now = await self.releases.pending(name), self._clock.now()
        notices = (await self.releases.notices(name)).values()
        return Standing(
            name,
            await self.releases.live_entry(name),
            pending,
            await self.releases.drafted(name),
            await self.may_approve(pending.author) if pending is not None else (),
            tuple(notice for notice in notices if notice.is_on(now)),
        )

    async def may_approve(self, author: str) -> tuple[str, ...]:
        """Answer who can approve what ``author`` did."""
        return tuple(one.name for one in await self.people.with_role(Role.APPROVER) if one.name != author)

    async def full_version(self, name: str, version: str) -> str:
        """Answer the version that ``version`` names, whole or by its first digits.

        Raises:
            UnknownVersion: none begins with it, or several do.
        """
        found = {entry.version for entry in await self.releases.log(name, _LOG_DEPTH) if _is(entry.version, version)}
        if len(found) > 1:
            raise Refused(f"{len(found)} versions of flow '{name}' begin with {version}: give more of it.")
        if not found:
            raise UnknownVersion(name, version)
        return found.pop()

    async def _one_before(self, name: str) -> str:
        live = await self.releases.live_entry(name)
        if live is None:
            raise NothingLiveError(name)
        if live.parent is None:
            raise UnknownVersion(name, None)
        return live.parent

    async def _record(self, person: Person, action: str, name: str, version: str, **detail: str) -> None:
        await self.people.record(person.name, action, f"flow:{name}", version=version, **detail)


def _is(version: str, given: str) -> bool:
    return version == given or (len(given) >= MIN_PREFIX and version.startswith(given))


def names_of(config: Config) -> Sequence[str]:
    """Answer the flows of the line: of its calls, and of its texts where they have another."""
    return tuple(dict.fromkeys((config.agi.flow, config.sms.flow)))


@contextlib.asynccontextmanager
async def open_office(config: Config) -> AsyncIterator[Office]:
    """Open the register and the bank, beside a running server or without one.

    Raises:
        ConfigError: there is no bank where the settings say.
        StoreError: the store cannot be reached.
    """
    async with open_bank_only(config) as bank, open_releases(config) as releases:
        yield Office(config, bank.people, releases)
