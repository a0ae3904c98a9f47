"""The telephone in the terminal: a keypad, what the bank says as text, and a handset for messages.

It calls a Tellerline server through the test exchange, over real FastAGI. What is said is read from the recordings
that the server plays, so that it shows what a caller would hear and nothing else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

from rich.text import Text
from textual import on
from textual.app import App, ComposeResult, ScreenStackError
from textual.binding import Binding, BindingType
from textual.containers import Grid, Horizontal, Vertical, VerticalScroll
from textual.events import Key
from textual.widgets import Button, DataTable, Footer, Header, Input, Static, TabbedContent, TabPane

from ivr.testing import CallEnded, CallEvent, EndedBy, FakeCall, FakePbx, KeyPressed, Playing, Stopped, Transferred
from tellerline.trying.play import Words
from tellerline.trying.transcript import joined

KEYS = ("1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "0", "#")
KEY_NAMES = {"asterisk": "*", "number_sign": "#"}
SECRET_PROMPTS = ("enter_pin",)  # after one of these, keys are shown as *
CLOCK_S = 0.5

_ENDS = {
    EndedBy.SERVER: "the bank ended the call",
    EndedBy.TRANSFER: "handed to an agent",
    EndedBy.CALLER: "you hung up",
    EndedBy.DROPPED: "the line broke off",
    EndedBy.REFUSED: "nobody answered",
}


@dataclass(frozen=True, slots=True)
class Subscriber:
    """A person who can be picked from the list. ``pin`` is shown: it is a demo bank."""

    number: str | None
    name: str
    customer: str = ""
    pin: str = ""
    language: str = ""
    note: str = ""


class Messages(Protocol):
    """The handset's side of an SMSC."""

    async def send(self, from_: str, to: str, body: str) -> None:
        """Send a text."""
        ...

    def listen(self, hear: Callable[[str, str], None]) -> None:
        """Tell ``hear(number, body)`` of every text that reaches a handset."""
        ...


class Conversation(Static):
    """What was said and keyed, newest last."""

    def __init__(self, id: str) -> None:  # noqa: A002 - textual's word
        super().__init__(id=id)
        self.lines: list[tuple[str, str]] = []  # style, text

    def say(self, style: str, text: str, *, joins: bool = False) -> None:
        """Add a line, or go on in the last one."""
        if joins and self.lines and self.lines[-1][0] == style:
            self.lines[-1] = (style, joined(self.lines[-1][1], text))
        else:
            self.lines.append((style, text))
        self.update(Text("\n").join(Text(text, style=style) for style, text in self.lines))
        parent = self.parent
        if isinstance(parent, VerticalScroll):
            parent.scroll_end(animate=False)

    @property
    def text(self) -> str:
        """Everything so far, as plain text."""
        return "\n".join(text for _, text in self.lines)


class PhoneApp(App[None]):
    """The telephone."""

    TITLE = "Tellerline"
    CSS = """
    #keypad { grid-size: 3 4; grid-gutter: 0 1; height: 13; width: 27; }
    #keypad Button { min-width: 7; width: 100%; }
    #left { width: 31; padding: 0 1; }
    #tabs { width: 1fr; }
    #display { height: 5; border: round $primary; padding: 0 1; }
    #calling { height: 3; }
    #calling Button { width: 1fr; min-width: 8; }
    #said-scroll { border: round $primary; padding: 0 1; }
    #read-scroll { border: round $primary; padding: 0 1; height: 1fr; }
    #subscribers { height: 1fr; min-height: 5; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+d", "call", "Call"),
        Binding("ctrl+x", "hang_up", "Hang up"),
        Binding("ctrl+q", "quit", "Quit"),
    ]

    def __init__(
        self,
        pbx: FakePbx,
        host: str,
        port: int,
        words: Words,
        *,
        subscribers: Sequence[Subscriber],
        service: str = "95500",
        messages: Messages | None = None,
    ) -> None:
        super().__init__()
        self._pbx = pbx
        self._host = host
        self._port = port
        self._words = words
        self._subscribers = tuple(subscribers)
        self._service = service
        self._messages = messages
        self._who = self._subscribers[0]
        self._call: FakeCall | None = None
        self._keyed = ""
        self._secret = False
        self._tasks: set[asyncio.Task[None]] = set()

    # --- what is shown -------------------------------------------------------------------------------------------

    def compose(self) -> ComposeResult:
        """Lay it out."""
        yield Header()
        with Horizontal():
            with Vertical(id="left"):
                yield Static(id="display")
                with Horizontal(id="calling"):
                    yield Button("Call", id="call", variant="success")
                    yield Button("Hang up", id="hang-up", variant="error")
                with Grid(id="keypad"):
                    for key in KEYS:
                        yield Button(key, id=f"key-{KEYS.index(key)}")
            with TabbedContent(id="tabs"):
                with TabPane("Telephone", id="voice"), VerticalScroll(id="said-scroll"):
                    yield Conversation(id="said")
                if self._messages is not None:
                    with TabPane("Messages", id="texts"):
                        with VerticalScroll(id="read-scroll"):
                            yield Conversation(id="read")
                        yield Input(placeholder=f"Text to {self._service}: BAL, MINI, SEND 500 LILEI …", id="compose")
                with TabPane("Who calls", id="who"):
                    yield DataTable(id="subscribers", cursor_type="row")
        yield Footer()

    def on_mount(self) -> None:
        """Fill the list and begin to listen."""
        table = self.query_one("#subscribers", DataTable)
        table.add_columns("name", "number", "customer no.", "PIN", "language", "")
        for who in self._subscribers:
            table.add_row(who.name, who.number or "withheld", who.customer, who.pin, who.language, who.note)
        if self._messages is not None:
            self._messages.listen(self._text_came)
        self.set_interval(CLOCK_S, self._show)
        self.query_one("#call", Button).focus()
        self._show()
        self._note(f"Press Call to ring {self._service} as {self._who.name}. Digits on your keyboard are the keys.")
        if self._who.pin:
            self._note("This is a demo bank: everybody's PIN stands under Who calls.")

    def _is_up(self) -> bool:
        """Answer whether the widgets are there: news of a call or a text outlives the screen by a moment."""
        try:
            return bool(self.query("#display"))
        except ScreenStackError:
            return False

    def _show(self) -> None:
        if not self._is_up():
            return
        call = self._call
        if call is None:
            state = "on the hook"
        elif call.ended is not None:
            state = _ENDS[call.ended.by]
        else:
            state = f"in call {int(call.now) // 60:02d}:{int(call.now) % 60:02d}"
        who = f"{self._who.name}\n{self._who.number or 'number withheld'}"
        self.query_one("#display", Static).update(f"{who}\n{state}  {self._keyed}")
        self.sub_title = state

    @property
    def said(self) -> Conversation:
        """What the bank has said on the telephone."""
        return self.query_one("#said", Conversation)

    @property
    def read(self) -> Conversation:
        """What was texted, both ways."""
        return self.query_one("#read", Conversation)

    def _note(self, text: str) -> None:
        self.said.say("dim", text)

    # --- calling -------------------------------------------------------------------------------------------------

    async def action_call(self) -> None:
        """Ring the bank."""
        if self._call is not None and self._call.ended is None:
            return
        self._keyed, self._secret = "", False
        self.query_one("#tabs", TabbedContent).active = "voice"
        self._note(f"— {self._who.name} calls {self._service} —")
        try:
            self._call = await self._pbx.dial(
                self._host, self._port, caller=self._who.number, called=self._service, observer=self._happened
            )
        except (OSError, TimeoutError) as error:
            self._call = None
            self._note(f"no server answers at {self._host}:{self._port}: {str(error) or 'timeout'}")
        self._show()

    async def action_hang_up(self) -> None:
        """Put the receiver down."""
        if self._call is not None and self._call.ended is None:
            await self._call.hang_up()

    def _happened(self, event: CallEvent) -> None:
        if not self._is_up():
            return
        match event:
            case Playing(heard):
                prompt = self._words.is_prompt(heard.file)
                if prompt:
                    self._secret = heard.file.rpartition("/")[2] in SECRET_PROMPTS
                    self._keyed = ""
                self.said.say("green", self._words.spoken(heard.file), joins=not prompt)
            case Stopped(heard) if heard.cut:
                self.said.say("green", "—", joins=True)
            case KeyPressed(key, _, taken):
                self._keyed += "*" if self._secret else key
                if not taken:
                    self._note(f"({'a key' if self._secret else key} was not listened to)")
            case Transferred(queue):
                self._note(f"(handed to an agent of the queue {queue})")
            case CallEnded(by):
                self._note(f"— {_ENDS[by]} —")
            case _:
                return
        self._show()

    async def _press(self, key: str) -> None:
        if self._call is not None and self._call.ended is None:
            await self._call.press(key, reaction_s=0.0)

    # --- what a person does --------------------------------------------------------------------------------------

    async def on_key(self, event: Key) -> None:
        """Take digits from the keyboard, unless somebody types a text."""
        if isinstance(self.focused, Input):
            return
        key = KEY_NAMES.get(event.key, event.character or "")
        if key in KEYS:
            event.stop()
            await self._press(key)

    @on(Button.Pressed)
    async def _pressed(self, event: Button.Pressed) -> None:
        match event.button.id:
            case "call":
                await self.action_call()
            case "hang-up":
                await self.action_hang_up()
            case str(name) if name.startswith("key-"):
                await self._press(KEYS[int(name.removeprefix("key-"))])

    @on(DataTable.RowSelected, "#subscribers")
    def _picked(self, event: DataTable.RowSelected) -> None:
        self._who = self._subscribers[event.cursor_row]
        self.query_one("#tabs", TabbedContent).active = "voice"
        self._note(f"You are {self._who.name} now, {self._who.number or 'with the number withheld'}.")
        self.query_one("#call", Button).focus()
        self._show()

    @on(Input.Submitted, "#compose")
    async def _text(self, event: Input.Submitted) -> None:
        body = event.value.strip()
        if not body or self._messages is None:
            return
        if self._who.number is None:
            self.read.say("dim", "Who has no number cannot text: pick somebody under 'Who calls'.")
            return
        event.input.clear()
        self.read.say("yellow", f"{self._who.name} → {self._service}: {body}")
        try:
            await self._messages.send(self._who.number, self._service, body)
        except (OSError, TimeoutError) as error:
            self.read.say("red", f"not sent: {str(error) or 'timeout'}")

    def _text_came(self, number: str, body: str) -> None:
        if not self._is_up():
            return
        names = {who.number: who.name for who in self._subscribers}
        self.read.say("cyan", f"{self._service} → {names.get(number, number)}: {body}")
        if self.query_one("#tabs", TabbedContent).active != "texts":
            self._note(f"(a text came for {names.get(number, number)})")
