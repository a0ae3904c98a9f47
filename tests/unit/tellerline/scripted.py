"""A driver without a bank: it says what a script tells it to, so that the player alone is tested."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from core_client.domain.secret import Secret
from tellerline.trying import conversation as c
from tellerline.trying.conversation import Told
from tellerline.trying.driver import CallEnded, EndedBy, Heard, Leg, TextMessage


@dataclass
class ScriptedLeg:
    to_say: list[str]
    world: ScriptedDriver
    on_press: Callable[[str], list[str]] = lambda _keys: []
    ends: CallEnded | None = None
    pressed: list[str] = field(default_factory=list)
    complains: tuple[str, ...] = ()

    async def heard(self, timeout_s: float) -> Heard | None:
        if self.to_say:
            self.world.clock_s += 1
            text = self.to_say.pop(0)
            return Heard(text.removesuffix("~"), self.world.clock_s, cut=text.endswith("~"))
        self.world.clock_s += 0 if self.ends else timeout_s
        return None

    async def press(self, keys: str) -> None:
        self.pressed.append(keys)
        self.to_say += self.on_press(keys)

    async def silence(self, seconds: float) -> None:
        self.world.clock_s += seconds

    async def speak(self, seconds: float) -> None:
        self.world.clock_s += seconds

    async def hang_up(self) -> None:
        self.ends = self.ends or CallEnded(EndedBy.CUSTOMER)

    async def ended(self, timeout_s: float) -> CallEnded | None:
        return self.ends

    async def complaints(self) -> tuple[str, ...]:
        return self.complains


@dataclass
class ScriptedDriver:
    leg: ScriptedLeg | None = None
    texts: list[TextMessage] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)
    clock_s: float = 0.0
    name: str = "scripted"
    told: list[dict[str, Told]] = field(default_factory=list)

    def now_s(self) -> float:
        return self.clock_s

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def tell(self, told: Mapping[str, Told]) -> None:
        self.told.append(dict(told))

    async def call(self, from_: str | None, to: str, *, attestation: str | None, trunk: str | None) -> Leg:
        assert self.leg is not None
        return self.leg

    async def called(self, to: str, timeout_s: float) -> Leg | None:
        self.clock_s += timeout_s
        return None

    async def text(self, from_: str, to: str, body: str) -> None:
        self.sent.append(body)

    async def received(self, timeout_s: float) -> TextMessage | None:
        if self.texts:
            return self.texts.pop(0)
        self.clock_s += timeout_s
        return None

    async def wait(self, seconds: float) -> None:
        self.clock_s += seconds


class ScriptedWords:
    languages: tuple[str, ...] = ("zh", "en")

    def recordings(self, items: tuple[c.Expected, ...], language: str) -> tuple[str, ...]:
        ids: list[str] = []
        for item in items:
            match item:
                case c.HearPrompt():
                    ids.append(f"{language}/{item.id}")
                case c.HearMoney():
                    ids += [f"{language}/n/{item.money.amount_minor // 100}", f"{language}/yuan"]
                case _:
                    ids.append(f"{language}/other")
        return tuple(ids)

    def has_prompt(self, prompt: str) -> bool:
        return not prompt.startswith("no_such")

    def is_prompt(self, audio_id: str) -> bool:
        return audio_id.count("/") == 1 and not audio_id.endswith("yuan")

    def spoken(self, audio_id: str) -> str:
        return audio_id.rpartition("/")[2]


class ScriptedCustomers:
    def pin(self, of: c.PinOf, caller: str | None) -> Secret:
        return Secret("000001" if of.wrong else "739154")
