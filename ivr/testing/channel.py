"""One channel of the test exchange, without any socket: commands, keys and time in, replies out.

A command that takes time is a generator: it yields the moment at which it would go on by itself, and is sent what
happened instead: a key, that moment, or the end of the call. Time is a number that the owner hands in.

Keys follow a real Asterisk 22. One pressed while no command runs is lost. Digits of a burst come out
``KEY_PACE_S`` apart, so the surplus of one command is there for the next. On a channel whose caller sends no
media (``media=False``), a digit that had to wait comes out only while a recording plays.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import TypeAlias

from ivr.agi import DEAD_CHANNEL, TRYING, UNKNOWN_COMMAND, WRONG_USAGE, Reply
from ivr.testing.events import CallEvent, CommandSeen, HeardFile, KeyPressed, Playing, Stopped, Transferred
from ivr.testing.sounds import SAMPLE_RATE, SoundLibrary

KEY_PACE_S = 0.1  # Asterisk's AST_DEFAULT_EMULATE_DTMF_DURATION
WAKE_S = 0.02  # a waiting digit comes out with the first 20 ms frame that plays
CHANNEL_UP = 6
CHANNEL_RINGING = 4
NORMAL_CLEARING = "16"
KEYS = frozenset("0123456789*#ABCD")


class Happening(Enum):
    """What a running command is told, besides a key."""

    DUE = auto()
    HUNG_UP = auto()
    SPOKE = auto()  # told only while a message is recorded


Running: TypeAlias = Generator["float | None", "str | Happening", Reply]
Handler: TypeAlias = "Callable[[FakeChannel, tuple[str, ...]], Reply | Running]"


@dataclass(frozen=True, slots=True)
class Verb:
    """One AGI command: what runs it, how many arguments it takes, whether it works without a caller."""

    run: Handler
    least: int
    most: int
    dead: bool = False


@dataclass(frozen=True, slots=True)
class Played:
    """How the playing of a recording ended."""

    endpos: int
    key: str = ""
    hung_up: bool = False
    missing: bool = False


@dataclass(frozen=True, slots=True)
class Message:
    """What a caller said to RECORD FILE: the file without its ending, its length, and which part of it was speech."""

    file: str
    samples: int
    spoken_s: float


class FakeChannel:
    """A call as Asterisk holds it while ``AGI()`` runs."""

    def __init__(
        self,
        verbs: Mapping[tuple[str, ...], Verb],
        sounds: SoundLibrary,
        variables: Mapping[str, str],
        *,
        media: bool = True,
        answered: bool = True,
        agents: Callable[[str], tuple[str, float]] = lambda queue: ("answered", 10.0),
        observe: Callable[[CallEvent], None] = lambda event: None,
    ) -> None:
        self.sounds = sounds
        self.variables = dict(variables)
        self.media = media
        self.state = CHANNEL_UP if answered else CHANNEL_RINGING
        self.hung_up = False
        self.heard: list[HeardFile] = []
        self.user_events: list[str] = []
        self.messages: list[Message] = []
        self.recording = False
        self.speaks_until = float("-inf")
        self.agents = agents
        self.transferred: str | None = None
        self.database: dict[tuple[str, str], str] = {}
        self.now = 0.0
        self._verbs = verbs
        self._observe = observe
        self._running: Running | None = None
        self._due: float | None = None
        self._playing: HeardFile | None = None
        self._commands: deque[tuple[str, tuple[str, ...]]] = deque()
        self._keys: deque[tuple[float, str]] = deque()
        self._last_key_s = float("-inf")
        self._replies: list[Reply | None] = []  # None stands for the bare line HANGUP

    # --- what the owner hands in; each answers what goes on the wire ---------------------------------------------

    @property
    def busy(self) -> bool:
        """Whether a command runs."""
        return self._running is not None

    @property
    def next_timer(self) -> float | None:
        """When :meth:`advance` wants to be called, if nothing happens before."""
        times = [] if self._due is None else [self._due]
        if self._keys and (self.media or self._playing is not None):
            times.append(self._keys[0][0])
        return min(times, default=None)

    def command(self, line: str, words: tuple[str, ...], now: float) -> list[Reply | None]:
        """Take a command; its reply comes from this call or from a later one."""
        self.now = max(self.now, now)
        self._observe(CommandSeen(line, self.now))
        self._commands.append((line, words))
        self._go_on()
        return self._flush()

    def press(self, key: str, now: float) -> list[Reply | None]:
        """Take a key from the caller."""
        if key not in KEYS:
            raise ValueError(f"{key!r} is no key; keys are 0-9 * # A-D")
        self.now = max(self.now, now)
        ready = max(self.now, self._last_key_s + KEY_PACE_S)
        self._last_key_s = ready
        if self._keys or ready > self.now:
            self._keys.append((ready, key))
        else:
            self._deliver(key)
        return self._flush()

    def speak(self, seconds: float, now: float) -> list[Reply | None]:
        """Let the caller speak for ``seconds``, from now on."""
        self.now = max(self.now, now)
        self.speaks_until = max(self.speaks_until, self.now + seconds)
        if self.recording:
            self._step(Happening.SPOKE)
        return self._flush()

    def advance(self, now: float) -> list[Reply | None]:
        """Let time pass up to ``now``."""
        while (due := self.next_timer) is not None and due <= now:
            self.now = max(self.now, due)
            if self._due is not None and self._due <= due:
                self._step(Happening.DUE)
            else:
                self._deliver(self._keys.popleft()[1])
        self.now = max(self.now, now)
        return self._flush()

    def hang_up(self, now: float) -> list[Reply | None]:
        """The caller leaves."""
        self.now = max(self.now, now)
        if not self.hung_up:
            self.hung_up = True
            self._keys.clear()
            if self._running is not None:
                self._step(Happening.HUNG_UP)
            self.variables["HANGUPCAUSE"] = NORMAL_CLEARING
            self._replies.append(None)
        return self._flush()

    # --- what commands are made of -------------------------------------------------------------------------------

    def play(self, file: str, escapes: str, offset: int = 0) -> Generator[float | None, str | Happening, Played]:
        """Play ``file`` from sample ``offset``, until its end, a key of ``escapes``, or the end of the call."""
        samples = self.sounds.samples(file)
        if samples is None:
            return Played(0, missing=True)
        began = self.now
        heard = HeardFile(self.sounds.name(file), began)
        self.start_playing(heard)
        end = began + max(0, samples - offset) / SAMPLE_RATE
        while True:
            happened = yield end
            position = min(samples, offset + round((self.now - began) * SAMPLE_RATE))
            if happened is Happening.DUE:
                self.stop_playing(heard, cut=False)
                return Played(samples)
            if happened is Happening.HUNG_UP:
                self.stop_playing(heard, cut=True)
                return Played(position, hung_up=True)
            if isinstance(happened, str) and happened in escapes:
                self.stop_playing(heard, cut=True)
                return Played(position, key=happened)

    def wait(self, seconds: float | None) -> Generator[float | None, str | Happening, str | Happening]:
        """Wait for a key, for ``seconds`` at most (None: for ever)."""
        return (yield None if seconds is None else self.now + seconds)

    def say_trying(self) -> None:
        """Put ``100 result=0 Trying...`` on the wire: the reply of the running command follows later."""
        self._replies.append(Reply(TRYING, "0", text="Trying..."))

    def transfer(self, queue: str) -> None:
        """Tell that the caller waits for, or speaks with, people."""
        self.transferred = queue
        self._observe(Transferred(queue, self.now))

    def soft_hang_up(self) -> None:
        """End the call from this side; the bare line follows the reply of the command that did it."""
        self.hung_up = True
        self.variables["HANGUPCAUSE"] = NORMAL_CLEARING
        self._keys.clear()

    def start_playing(self, heard: HeardFile) -> None:
        """Tell that ``heard`` begins; a digit that waited for media comes out with it."""
        self._playing = heard
        self.heard.append(heard)
        if self._keys and not self.media:
            ready, key = self._keys.popleft()
            self._keys.appendleft((max(ready, self.now + WAKE_S), key))
        self._observe(Playing(heard))

    def stop_playing(self, heard: HeardFile, *, cut: bool) -> None:
        """Tell that ``heard`` has ended."""
        heard.ended_s = self.now
        heard.cut = cut
        self._playing = None
        self._observe(Stopped(heard))

    # --- the machine ---------------------------------------------------------------------------------------------

    def _flush(self) -> list[Reply | None]:
        replies, self._replies = self._replies, []
        return replies

    def _go_on(self) -> None:
        while self._commands and self._running is None:
            was_up = not self.hung_up
            answer = self._begin(self._commands.popleft()[1])
            if isinstance(answer, Reply):
                self._replies.append(answer)
                if was_up and self.hung_up:
                    self._replies.append(None)
            else:
                self._running = answer
                self._step(None)

    def _begin(self, words: tuple[str, ...]) -> Reply | Running:
        for length in (3, 2, 1):
            verb = self._verbs.get(tuple(word.upper() for word in words[:length]))
            if verb is None or len(words) < length:
                continue
            if self.hung_up and not verb.dead:
                return Reply(DEAD_CHANNEL, text="Command Not Permitted on a dead channel or intercept routine")
            arguments = words[length:]
            if not verb.least <= len(arguments) <= verb.most:
                return Reply(WRONG_USAGE, text=f" Usage: {' '.join(words[:length]).upper()} ...")
            return verb.run(self, arguments)
        return Reply(UNKNOWN_COMMAND, text="Invalid or unknown command")

    def _deliver(self, key: str) -> None:
        taken = self._running is not None
        self._observe(KeyPressed(key, self.now, taken))
        if taken:
            self._step(key)

    def _step(self, happened: str | Happening | None) -> None:
        running = self._running
        if running is None:
            return
        was_up = not self.hung_up
        try:
            self._due = next(running) if happened is None else running.send(happened)
        except StopIteration as stopped:
            self._running = self._due = None
            self._replies.append(stopped.value)
            if was_up and self.hung_up:
                self._replies.append(None)
            self._go_on()
