"""People and their tokens: add, prove, rotate, revoke. Only a token's hash is kept; the token is shown once."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Sequence

from core_client.domain.audit import AuditRecord
from core_client.domain.secret import Secret
from core_client.domain.staff import NAME, TOKEN_BYTES, TOKEN_PREFIX, Person, Role
from core_client.errors import BankError
from core_client.services.call import Ports

MAX_TOKEN = 256  # characters that are hashed: what is longer is no token
_NO_HASH = "0" * 64


class StaffError(BankError):
    """What was asked of the people cannot be done; the message says why and the mend."""


class NotProvedError(StaffError):
    """A token is nobody's, or not theirs, or does not carry the role."""


class People:
    """Who may publish, approve and operate. Every act, and every token that was refused, is audited.

    As long as nobody has the role ``operator``, whoever runs the command line names people; from then on only
    operators do: an author cannot make himself an approver.
    """

    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    async def add(self, name: str, roles: Iterable[Role], by: str) -> Secret:
        """Add somebody and answer their token, which nobody can see again.

        Raises:
            StaffError: the name cannot be one, was given before, or there is no role.
        """
        wanted = frozenset(roles)
        if not NAME.fullmatch(name):
            raise StaffError(
                f"'{name}' cannot be a name: up to 32 of a-z, 0-9, dot, dash and underscore, as in anna or li.wei"
            )
        if not wanted:
            raise StaffError(f"{name} would have no role: give at least one of {', '.join(Role)}")
        token = self._new_token()
        person = Person(name, wanted, self._ports.clock.now())
        record = self._record(by, "staff.added", name, roles=_listed(wanted))
        if not await self._ports.staff.add(person, hash_of(token), record):
            raise StaffError(
                f"the name '{name}' was given before, and the log names people for ever: choose another one, "
                f"or `tellerline people rotate {name}` for a new token"
            )
        return token

    async def rotate(self, name: str, by: str) -> Secret:
        """Answer a new token for somebody; the one before is worth nothing from now on.

        Raises:
            StaffError: nobody active has the name.
        """
        token = self._new_token()
        if not await self._ports.staff.rotate(name, hash_of(token), self._record(by, "staff.token_rotated", name)):
            raise await self._nobody(name)
        return token

    async def revoke(self, name: str, by: str) -> None:
        """End somebody's token for ever.

        Raises:
            StaffError: nobody active has the name.
        """
        record = self._record(by, "staff.revoked", name)
        if not await self._ports.staff.revoke(name, self._ports.clock.now(), record):
            raise await self._nobody(name)

    async def all(self) -> Sequence[Person]:
        """Answer everybody, also who is revoked, by name."""
        return await self._ports.staff.all()

    async def with_role(self, *roles: Role) -> Sequence[Person]:
        """Answer who is active and has one of the roles."""
        return [person for person in await self.all() if person.is_active and person.has(*roles)]

    async def prove(self, token: Secret, name: str | None = None, *roles: Role) -> Person:
        """Answer whose token it is.

        A wrong token and one that was revoked go through the same steps and hear the same words.

        Args:
            token: as it was given out.
            name: who they say they are; the token must be theirs.
            roles: they must have one of them; none: any will do.

        Raises:
            NotProvedError: it is nobody's, somebody else's, or does not carry the role.
        """
        given = hash_of(token)
        found = await self._ports.staff.by_token(given)
        person, stored = found if found is not None else (None, _NO_HASH)
        right = hmac.compare_digest(stored, given)
        if not right or person is None or not person.is_active:
            await self._refused("nobody", "not valid")
            raise NotProvedError(
                "the token is not valid: it was never given out, or it was rotated or revoked since. "
                "`tellerline people rotate NAME` gives a new one"
            )
        if name is not None and name != person.name:
            await self._refused(person.name, "not theirs")
            raise NotProvedError(f"the token is not {name}'s: give --by the name whose token it is")
        if roles and not person.has(*roles):
            await self._refused(person.name, f"not {_listed(roles)}")
            raise NotProvedError(
                f"{person.name} is {_listed(person.roles)}, and this needs {_listed(roles, ' or ')}: "
                "`tellerline people list` shows who may"
            )
        return person

    async def may_name(self, token: Secret | None) -> str | None:
        """Answer who names people: the operator whose token it is, or None while there is no operator at all.

        Raises:
            NotProvedError: there are operators, and the token is none's.
        """
        operators = await self.with_role(Role.OPERATOR)
        if token is not None:
            return (await self.prove(token, None, *((Role.OPERATOR,) if operators else ()))).name
        if operators:
            names = ", ".join(person.name for person in operators)
            raise NotProvedError(f"only an operator names people here ({names}): prove it with an operator's token")
        return None

    async def record(self, by: str, action: str, subject: str, **detail: str | int | bool) -> None:
        """Write down what somebody did beyond this service: a version published, a notice switched on."""
        await self._ports.audit.append(AuditRecord(self._ports.clock.now(), f"staff:{by}", action, subject, detail))

    async def _refused(self, whose: str, why: str) -> None:
        await self._ports.audit.append(self._record("unproved", "staff.token_refused", whose, why=why))

    async def _nobody(self, name: str) -> StaffError:
        known = {person.name: person for person in await self.all()}
        if name in known:
            return StaffError(f"{name} was revoked: add a new name for them")
        return StaffError(f"there is nobody named '{name}': `tellerline people list` shows who there is")

    def _new_token(self) -> Secret:
        return Secret(TOKEN_PREFIX + self._ports.randomness.urlsafe(TOKEN_BYTES))

    def _record(self, by: str, action: str, name: str, **detail: str | int | bool) -> AuditRecord:
        return AuditRecord(self._ports.clock.now(), by, action, f"staff:{name}", detail)


def hash_of(token: Secret) -> str:
    """Answer what is stored of a token. 256 random bits need no slow hash: nobody guesses them."""
    return hashlib.sha256(token.reveal().strip()[:MAX_TOKEN].encode("utf-8", "replace")).hexdigest()


def _listed(roles: Iterable[Role], between: str = ", ") -> str:
    return between.join(sorted(roles))
