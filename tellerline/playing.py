"""A call or a chat by hand, on the engine alone on the demo bank: what ``tellerline flows play`` plays.

Everything that the person does is a step of a conversation (:mod:`tellerline.trying.conversation`), done at once. Time
stands still while they think, and leaps over what would only be waited for. Taking a step back means a fresh world in
which all steps but the last are done again.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from core_client.domain.values import SecretHandle, Value
from flows.dialogue import GatherDigits, Record, Resume, Say, SaySecret, Turn
from flows.masking import told_variable
from flows.model import Flow
from flows.runner import Flows
from flows.session import Session
from flows.words import files_for, transcript_for
from sounds.catalogue import Catalogue
from tellerline.config import Config
from tellerline.trying import conversation as c
from tellerline.trying.driver import EndedBy
from tellerline.trying.engine import EngineDriver, Watch
from tellerline.trying.matching import describe
from tellerline.trying.recording import HERE, heard_steps, received_step
from tellerline.trying.telephone import Telephone
from tellerline.trying.world import DemoCustomers

SERVICE = "95500"
_SLOW_HEAR_S = 25.0  # what takes longer to be heard is given more time in the recording


@dataclass(frozen=True, slots=True)
class Told:
    """Something that the person hears or reads. ``ids`` are the prompts, for who writes the flow."""

    text: str
    ids: str = ""
    text_message: bool = False


@dataclass(frozen=True, slots=True)
class Where:
    """Where the dialogue is. ``values`` holds no secret, and of what is masked the end."""

    step: str
    file: str
    line: int
    language: str
    waits_for: str
    gates: tuple[str, ...]
    values: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Scene:
    """What a play begins with."""

    config: Config
    given: c.Given
    number: str | None  # that calls and texts; None: withheld
    flows: Flows
    catalogue: Catalogue


class Play:
    """One play. Run it on a loop that leaps (:func:`tellerline.trying.pace.run_paced`)."""

    def __init__(self, scene: Scene, tell: Callable[[Told], None]) -> None:
        self.scene = scene
        self._tell = tell
        self._quiet = False
        self._customers = DemoCustomers()
        self._stack = contextlib.AsyncExitStack()
        self._begin()

    def _begin(self) -> None:
        self._driver: EngineDriver
        self._phone: Telephone | None = None
        self._acts: list[c.Step] = []
        self._steps: list[c.Step] = []  # as recorded: what was done, and what was heard of it
        self._said: list[Say] = []
        self._written: list[Say] = []
        self._session: Session | None = None
        self._codes: dict[str, str] = {}
        self._over = False

    async def __aenter__(self) -> Self:
        """Open a fresh demo bank."""
        await self._open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Hang up and close the bank."""
        await self._close()

    async def _open(self) -> None:
        scene = self.scene
        watch = Watch(observer=_Eye(self), on_say=self._said.append, on_text=self._written.append)
        self._driver = EngineDriver(
            scene.given, scene.config, flows=scene.flows, catalogue=scene.catalogue, watch=watch
        )
        await self._stack.enter_async_context(self._driver)

    async def _close(self) -> None:
        if self._phone is not None:
            await self._phone.hang_up()
        await self._stack.aclose()

    # --- what can be seen ----------------------------------------------------------------------------------------

    @property
    def flow(self) -> Flow:
        """The flow that calls begin in."""
        return self.scene.flows.current(self.scene.config.agi.flow)

    @property
    def in_call(self) -> bool:
        """Whether a call goes on."""
        return self._phone is not None and not self._over

    @property
    def asks(self) -> GatherDigits | Record | None:
        """What the bank waits for in the call."""
        return self._phone.asks if self._phone is not None and not self._over else None

    @property
    def patience_s(self) -> float:
        """How long to do nothing until the bank does something."""
        match self.asks:
            case GatherDigits() as keys:
                return keys.first_digit_timeout_s + 1
            case Record() as message:
                return message.silence_s + 1
            case _:
                return 1.0

    @property
    def wants_secret(self) -> bool:
        """Whether the keys that are waited for are a PIN."""
        return isinstance(self.asks, GatherDigits) and self.asks.secret

    @property
    def secret_length(self) -> int:
        """How many digits the secret has that is waited for."""
        asks = self.asks
        return asks.max_digits if isinstance(asks, GatherDigits) else 0

    @property
    def escapes(self) -> str:
        """The keys that are taken for themselves where a secret is waited for."""
        asks = self.asks
        return asks.escapes + asks.terminators if isinstance(asks, GatherDigits) else ""

    @property
    def codes(self) -> dict[str, str]:
        """The codes that were read, by name."""
        return dict(self._codes)

    @property
    def acts(self) -> Sequence[c.Step]:
        """What was done so far."""
        return tuple(self._acts)

    def where(self) -> Where | None:
        """Answer where the dialogue is; None before the first."""
        session = self._session
        if session is None:
            return None
        flow = self.flow
        step = flow.steps.get(session.step)
        place = step.place if step is not None else None
        return Where(
            step=session.step,
            file=(place.file or flow.file) if place is not None else flow.file,
            line=place.line if place is not None else 0,
            language=session.language,
            waits_for=session.waiting.value or "nothing: it is over",
            gates=session.gates,
            values={name: _shown(told_variable(flow, name, value)) for name, value in session.variables.items()},
        )

    def recorded(self, name: str) -> c.Conversation:
        """Answer everything so far as a conversation."""
        return c.Conversation(name, "", self.scene.given, tuple(self._steps))

    # --- what a person does --------------------------------------------------------------------------------------

    async def do(self, act: c.Step) -> None:
        """Do one step, and tell what is heard or read of it."""
        self._acts.append(act)
        self._steps.append(act)
        began_s = self._driver.now_s()
        match act:
            case c.Call():
                leg = await self._driver.call(act.from_, act.to, attestation=None, trunk=None)
                assert isinstance(leg, Telephone)  # noqa: S101 - the engine driver has no other
                self._phone, self._over = leg, False
            case c.Press():
                await self._need_phone().press(self._keys(act.keys))
            case c.Silence():
                await self._need_phone().silence(act.seconds)
            case c.Speak():
                await self._need_phone().speak(act.seconds)
            case c.HangUp():
                await self._need_phone().hang_up()
            case c.Text():
                await self._driver.text(act.from_, act.to, self._body(act.body))
            case c.Wait():
                await self._driver.wait(act.seconds)
            case c.Bank():
                self._driver.tell(act.told)
            case _:
                raise AssertionError(f"nobody does {act}")
        if self.in_call:
            await self._listen(began_s, hung_up=isinstance(act, c.HangUp))
        await self._read()

    async def back(self) -> bool:
        """Take the last step back; False: there is none but the beginning."""
        acts = self._acts[:-1]
        if not acts:
            return False
        await self._close()
        self._begin()
        self._quiet = True
        try:
            await self._open()
            for act in acts:
                await self.do(act)
        finally:
            self._quiet = False
        return True

    def _need_phone(self) -> Telephone:
        if self._phone is None or self._over:
            raise RuntimeError("there is no call")
        return self._phone

    def _keys(self, keys: str | c.PinOf) -> str:
        return self._customers.pin(keys, self.scene.number).reveal() if isinstance(keys, c.PinOf) else keys

    def _body(self, body: str | c.PinOf) -> str:
        if isinstance(body, c.PinOf):
            return self._customers.pin(body, self.scene.number).reveal()
        for name, code in self._codes.items():
            body = body.replace(f"{{{name}}}", code)
        return body

    async def _listen(self, began_s: float, *, hung_up: bool) -> None:
        """Hear until the bank waits for the customer, or the call is over."""
        phone = self._need_phone()
        await phone.quiet()
        while await phone.heard(0) is not None:
            pass
        took_s = self._driver.now_s() - began_s
        said, self._said[:] = list(self._said), []
        within_s = c.HEAR_WITHIN_S if took_s < _SLOW_HEAR_S else float(int(took_s) + 30)
        if not hung_up:
            self._steps += heard_steps(said, self._has_sound, within_s)
            for say in said:
                self._out(say)
        ended = await phone.ended(0)
        if ended is None:
            return
        self._over = True
        match ended.by:
            case EndedBy.TRANSFER:
                self._steps.append(c.Transferred(HERE, ended.queue))
                self._note(f"(handed to the queue {ended.queue})")
            case EndedBy.CUSTOMER:
                self._note("(you hung up)")
            case EndedBy.BANK:
                self._steps.append(c.Ended(HERE))
                self._note("(the bank ended the call)")
            case EndedBy.FAILURE:
                self._note("(the line broke off)")

    async def _read(self) -> None:
        """Read the texts that came."""
        said, self._written[:] = list(self._written), []
        while (message := await self._driver.received(0)) is not None:
            has_code = any(isinstance(item, SaySecret) for say in said for item in say.items)
            name = ("code" if not self._codes else f"code{len(self._codes) + 1}") if has_code else None
            step, code = received_step(message.to, message.body, name)
            if code is not None and name is not None:
                self._codes[name] = code
            self._steps.append(step)
            if not self._quiet:
                self._tell(Told(message.body, text_message=True))

    def _has_sound(self, say: Say) -> bool:
        return bool(files_for(say, self._words()))

    def _words(self) -> Catalogue:
        return self.flow.catalogue or self.scene.catalogue

    def _out(self, say: Say) -> None:
        if not self._quiet:
            heard = heard_steps([say], lambda _: True, c.HEAR_WITHIN_S)
            ids = describe(heard[0].items).strip("[]") if heard else ""
            self._tell(Told(transcript_for(say, self._words()), ids))

    def _note(self, text: str) -> None:
        if not self._quiet:
            self._tell(Told("", text))

    def _saw(self, session: Session) -> None:
        self._session = session


class _Eye:
    """Remembers where the dialogue is, as :class:`flows.runner.Observer`."""

    def __init__(self, play: Play) -> None:
        self._play = play

    def turned(self, session: Session, turn: Turn, before: Session | None) -> None:
        """Remember it."""
        self._play._saw(session)  # noqa: SLF001 - two parts of one thing

    def answered(self, session: Session, resume: Resume, seconds: float) -> None:
        """Nothing to remember."""

    def left(self, session: Session) -> None:
        """Nothing to remember."""

    def ended(self, session: Session, reason: str) -> None:
        """Nothing to remember."""


def _shown(value: Value) -> str:
    match value:
        case SecretHandle():
            return "***"
        case Mapping():
            return f"{{{', '.join(f'{name}: {_shown(part)}' for name, part in value.items())}}}"
        case tuple() | list():
            return f"[{', '.join(_shown(part) for part in value)}]"
        case _:
            return str(value)
