"""What a line means that somebody types while playing: keys, a text, or a command that begins with a dot."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping

from core_client.adapters import demo_world
from core_client.language.errors import LanguageError
from sms.commands import six_digits
from tellerline.errors import ParleyError
from tellerline.playing import SERVICE, Play
from tellerline.trying import conversation as c
from tellerline.trying.loader import load_conversation_text
from tellerline.trying.recording import CODE, HERE, whose_pin

CUSTOMER_DIGITS = 8

HELP = """\
keys           in a call: 0-9 * # as they are pressed, several at once as in 500#
a text         in a chat: any line is sent to the bank
.pin [wrong]   key the caller's own PIN, or a wrong one; .pin 10000001 that of a customer
.wait [10s]    do nothing; without a time: until the bank does something
.speak 5s      say a message
.hangup        put the receiver down            .call    call (again)
.text BODY     send a text                      .step    where am I, and what is known
.back          take the last step back          .save FILE   write down what was done so far
.bank OPERATION OUTCOME [REASON]   the bank's next answer, as in .bank transfers.authorise unknown
.slow 9s       the bank's next answer takes so long
.help          this                             .quit    the end"""


class Say(Exception):  # noqa: N818 - not an error: something to tell the person instead of doing anything
    """The line cannot be done; the text says why, and what can."""


class Hands:
    """The person at the keyboard: one line is one step.

    Args:
        play: what is played.
        chat: lines are texts unless a call goes on.
        tell: what commands answer.
        save: writes the recording to a file.
    """

    def __init__(
        self,
        play: Play,
        *,
        chat: bool,
        tell: Callable[[str], None],
        save: Callable[[str], None],
    ) -> None:
        self._play = play
        self._chat = chat
        self._tell = tell
        self._save = save
        self._commands: Mapping[str, Callable[[str], Awaitable[None]]] = {
            "back": self._back,
            "bank": self._bank,
            "call": self._call,
            "hangup": self._hang_up,
            "help": self._help,
            "pin": self._pin,
            "save": self._saved,
            "slow": self._slow,
            "speak": self._speak,
            "step": self._step,
            "text": self._text,
            "wait": self._wait,
        }

    async def begin(self) -> None:
        """Call, unless it is a chat."""
        if not self._chat:
            await self._call("")

    async def take(self, line: str) -> bool:
        """Do what ``line`` says; False: it was the end."""
        line = line.strip()
        if not line:
            return True
        if line in (".quit", ".exit", ".q"):
            return False
        try:
            if line.startswith("."):
                await self._command(line[1:])
            elif self._play.in_call:
                await self._press(line)
            elif self._chat:
                await self._text(line)
            else:
                self._tell("There is no call: .call calls again, .text BODY sends a text, .quit ends.")
        except (Say, ParleyError) as problem:
            self._tell(str(problem))
        except LanguageError as problem:
            self._tell(f"{problem.message} {problem.hint}".strip())
        return True

    async def _command(self, line: str) -> None:
        word, _, rest = line.partition(" ")
        command = self._commands.get(word)
        if command is None:
            raise Say(f"There is no command '.{word}': .help tells those that there are.")
        await command(rest.strip())

    # --- calls ---------------------------------------------------------------------------------------------------

    async def _call(self, _rest: str) -> None:
        if self._play.in_call:
            raise Say("There is a call already: .hangup first.")
        await self._play.do(c.Call(HERE, self._play.scene.number, SERVICE))

    async def _hang_up(self, _rest: str) -> None:
        self._in_call()
        await self._play.do(c.HangUp(HERE))

    async def _press(self, line: str) -> None:
        keys = line.replace(" ", "")
        if not self._play.wants_secret:
            await self._play.do(_read(f"press: {json.dumps(keys)}"))
        elif keys in tuple(self._play.escapes):
            await self._play.do(c.Press(HERE, keys))
        else:
            length = self._play.secret_length
            if not keys.isdecimal() or len(keys) != length:
                raise Say(f"A PIN is wanted here: {length} digits at once, .pin for the caller's own, or .pin wrong.")
            await self._play.do(c.Press(HERE, self._whose(keys)))

    async def _pin(self, rest: str) -> None:
        self._in_call()
        if not self._play.wants_secret:
            raise Say("No PIN is wanted here.")
        number = self._play.scene.number
        known = number is not None and any(who.line == number for who in demo_world.CUSTOMERS)
        if not rest and not known:
            keyed = self._customers_keyed()
            if not keyed:
                raise Say("Nobody is registered under this number: .pin 10000001 keys the PIN of that customer.")
            rest = keyed[-1]
        act = c.Press(HERE, c.PinOf()) if not rest else _read(f"press: {{pin: {json.dumps(rest)}}}")
        await self._play.do(act)

    async def _speak(self, rest: str) -> None:
        self._in_call()
        await self._play.do(_read(f"speak: {rest or '5s'}"))

    async def _wait(self, rest: str) -> None:
        if self._play.in_call:
            await self._play.do(_read(f"silence: {rest or f'{round(self._play.patience_s * 1000)}ms'}"))
        elif rest:
            await self._play.do(_read(f"wait: {rest}"))
        else:
            raise Say("How long? As in .wait 11m.")

    def _in_call(self) -> None:
        if not self._play.in_call:
            raise Say("There is no call: .call calls.")

    def _whose(self, digits: str) -> c.PinOf:
        return whose_pin(digits, self._play.scene.number, self._customers_keyed())

    def _customers_keyed(self) -> list[str]:
        keyed = (act.keys for act in self._play.acts if isinstance(act, c.Press) and isinstance(act.keys, str))
        numbers = (keys.strip("*#") for keys in keyed)
        return [number for number in numbers if len(number) == CUSTOMER_DIGITS]

    # --- texts ---------------------------------------------------------------------------------------------------

    async def _text(self, body: str) -> None:
        number = self._play.scene.number
        if number is None:
            raise Say("Who withholds the number cannot text.")
        if not body:
            raise Say("What? As in .text BAL.")
        await self._play.do(c.Text(HERE, number, SERVICE, self._body(body)))

    def _body(self, body: str) -> str | c.PinOf:
        """Answer the body as it is recorded: a code by its name, six other digits as whose PIN they are."""
        names = {code: name for name, code in self._play.codes.items()}
        digits = six_digits(body)
        if digits is not None:
            return f"{{{names[digits]}}}" if digits in names else self._whose(digits)
        pins = {who.pin for who in demo_world.CUSTOMERS}
        if pins.intersection(CODE.findall(body)):
            raise Say("That holds a PIN, which no recording may: text the six digits alone, or something else.")
        return CODE.sub(lambda found: f"{{{names[found[0]]}}}" if found[0] in names else found[0], body)

    # --- the bank ------------------------------------------------------------------------------------------------

    async def _bank(self, rest: str) -> None:
        operation, _, answer = rest.partition(" ")
        outcome, _, reason = answer.strip().partition(" ")
        if not outcome:
            raise Say("Which operation answers what? As in .bank transfers.authorise unknown.")
        told = f"{{outcome: {json.dumps(outcome)}, reason: {json.dumps(reason)}}}" if reason else json.dumps(outcome)
        await self._play.do(_read(f"bank: {{{json.dumps(operation)}: {told}}}"))
        self._tell(f"The next {operation} answers {answer.strip()}.")

    async def _slow(self, rest: str) -> None:
        await self._play.do(_read(f'bank: {{"*": {{slow: {rest or "5s"}}}}}'))
        self._tell(f"The bank's next answer takes {rest or '5s'}.")

    # --- looking -------------------------------------------------------------------------------------------------

    async def _step(self, _rest: str) -> None:
        where = self._play.where()
        if where is None:
            raise Say("Nothing has begun.")
        gates = f", passed {', '.join(where.gates)}" if where.gates else ""
        lines = [f"step {where.step} ({where.file}:{where.line}), in {where.language}{gates}"]
        lines.append(f"waits for {where.waits_for}")
        lines += [f"  {name} = {value}" for name, value in where.values.items()]
        self._tell("\n".join(lines))

    async def _back(self, _rest: str) -> None:
        if not await self._play.back():
            raise Say("There is nothing to take back.")
        where = self._play.where()
        self._tell(f"Back at {where.step}." if where is not None and self._play.acts else "Back at the beginning.")

    async def _saved(self, rest: str) -> None:
        self._save(rest)

    async def _help(self, _rest: str) -> None:
        self._tell(HELP)


def _read(step: str) -> c.Step:
    """Read one step as a conversation file would have it, with the loader's own words where it is wrong."""
    call = f'- call: {{anonymous: true, to: "{SERVICE}"}}\n'
    return load_conversation_text(f"conversation: x\nsteps:\n{call}- {step}\n", "what you typed").steps[-1]
