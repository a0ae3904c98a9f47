"""One SMPP 3.4 session, either side: octets and ``now`` in, events and octets out. It never touches the world.

Feed it with :meth:`Session.receive_data`, take events with :meth:`Session.next_events` until that answers none, send
what :meth:`Session.data_to_send` answers, and call :meth:`Session.next_events` again at :meth:`Session.next_deadline`.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import Enum
from struct import Struct
from types import MappingProxyType

from sms.smpp.codes import RESPONSE, SEQUENCE_MAX, VERSION_34, CommandId, Status, Tag
from sms.smpp.errors import LocalProtocolError, RemoteProtocolError, WindowFull
from sms.smpp.events import (
    BindRefused,
    BindRequested,
    Bound,
    Event,
    MessageAnswered,
    MessageReceived,
    PduRejected,
    PeerSilent,
    RequestTimedOut,
    UnbindRequested,
    Unbound,
)
from sms.smpp.fast import read_message, read_message_id, write_alive, write_answer, write_message
from sms.smpp.pdu import (
    HEADER_OCTETS,
    Bind,
    BindAnswer,
    Body,
    Empty,
    Framer,
    Header,
    Message,
    MessageAnswer,
    Tlvs,
    read_body,
    read_mandatory,
    write,
)


class Role(Enum):
    """Which side of the session this is."""

    ESME = "esme"
    SMSC = "smsc"


class State(Enum):
    """§2.2, with the two moments in which a response is waited for."""

    OPEN = "open"
    BINDING = "binding"
    BOUND_TX = "bound_tx"
    BOUND_RX = "bound_rx"
    BOUND_TRX = "bound_trx"
    UNBINDING = "unbinding"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Limits:
    """Timers in seconds (§7.2) and windows in requests (§2.9)."""

    window: int = 10  # our requests that may wait for responses
    peer_window: int = 1_000  # the peer's requests that may wait for ours; beyond it they are refused, not queued
    response_timeout_s: float = 10.0
    session_init_timeout_s: float = 10.0  # from connection to bind
    enquire_link_interval_s: float = 30.0  # of silence


_BOUND = MappingProxyType(
    {
        CommandId.BIND_RECEIVER: State.BOUND_RX,
        CommandId.BIND_TRANSMITTER: State.BOUND_TX,
        CommandId.BIND_TRANSCEIVER: State.BOUND_TRX,
    }
)
_LIVE = frozenset(_BOUND.values())
# Which states let each role send its kind of message: submit_sm upwards, deliver_sm downwards (§2.3).
_MAY_SUBMIT = frozenset({State.BOUND_TX, State.BOUND_TRX})
_MAY_DELIVER = frozenset({State.BOUND_RX, State.BOUND_TRX})
_MESSAGES = frozenset({CommandId.SUBMIT_SM, CommandId.DELIVER_SM, CommandId.DATA_SM})
_PART_OF_TEXT = frozenset({Tag.MESSAGE_PAYLOAD, Tag.SAR_MSG_REF_NUM, Tag.SAR_TOTAL_SEGMENTS, Tag.SAR_SEGMENT_SEQNUM})
CONGESTED_FROM = 90  # of 100: "nearing congestion"; what is below is the peer's best load and no reason to hold back
_NUMBERS = Struct(">LLL")  # of a header: command, status, sequence
_EMPTY = Empty()
_NO_ANSWER = MessageAnswer()


class Session:
    """The protocol of one connection."""

    def __init__(self, role: Role, now: float, limits: Limits | None = None) -> None:
        self.role = role
        self.state = State.OPEN
        self.limits = limits or Limits()
        self._framer = Framer()
        self._out: list[bytes] = []
        self._events: list[Event] = []
        self._taken: deque[Event] = deque()  # by next_event, which hands them out singly
        self._sequence = 0
        self._window = self.limits.window
        self._waiting: dict[int, tuple[int, float]] = {}  # our requests: command and deadline; oldest first
        self._enquiry: int | None = None  # the enquire_link that waits
        self._messages_waiting = 0
        self._unanswered: dict[int, int] = {}  # the peer's requests, by sequence number
        self._heard_at = now
        self._opened_at = now
        self._bind_command = CommandId.BIND_TRANSCEIVER
        self._version = VERSION_34  # the lower one of what the two sides said
        self.congestion: int | None = None  # the peer's last congestion_state (SMPP 5.0 §4.8.4.18), 0 to 100
        esme = role is Role.ESME
        self._may_send = _MAY_SUBMIT if esme else _MAY_DELIVER
        self._may_receive = _MAY_DELIVER if esme else _MAY_SUBMIT
        self._send_command = CommandId.SUBMIT_SM if esme else CommandId.DELIVER_SM
        self._receive_command = CommandId.DELIVER_SM if esme else CommandId.SUBMIT_SM

    # --- what the owner asks for ---------------------------------------------------------------------------------

    @property
    def bound(self) -> bool:
        """Whether messages may flow, in one direction at least."""
        return self.state in _LIVE

    @property
    def may_send(self) -> bool:
        """Whether messages of ours may go out, with room for them or not."""
        return self.state in self._may_send

    @property
    def window_free(self) -> int:
        """How many more messages may be sent now."""
        return max(0, self._window - self._messages_waiting) if self.state in self._may_send else 0

    @property
    def plain(self) -> bool:
        """Whether the peer, or our own bind, is of SMPP 3.3 or earlier: optional parameters are none of its words."""
        return self._version < VERSION_34

    @property
    def unanswered(self) -> int:
        """How many of the peer's messages wait for our response."""
        return len(self._unanswered)

    def bind(self, bind: Bind, now: float, command_id: CommandId = CommandId.BIND_TRANSCEIVER) -> int:
        """Ask to be let in (ESME role) and answer the sequence number."""
        if self.role is not Role.ESME or self.state is not State.OPEN or command_id not in _BOUND:
            raise LocalProtocolError(f"{self.role.value} cannot bind in state {self.state.value}")
        sequence_number = self._request(command_id, bind, now)
        self._bind_command = command_id
        self._version = min(VERSION_34, bind.interface_version)
        self.state = State.BINDING
        return sequence_number

    def accept_bind(self, request: BindRequested, system_id: str, version: int | None = None) -> None:
        """Let the ESME in (SMSC role), telling it the SMPP version that is spoken here, or not."""
        self._version = min(VERSION_34, request.bind.interface_version)
        tlvs = () if version is None or self.plain else ((int(Tag.SC_INTERFACE_VERSION), bytes((version,))),)
        self._answer_bind(request, Status.ROK, BindAnswer(system_id, tlvs))
        self.state = _BOUND[CommandId(request.command_id)]

    def refuse_bind(self, request: BindRequested, command_status: int) -> None:
        """Keep the ESME out (SMSC role); it may try again on this connection."""
        self._answer_bind(request, command_status, _EMPTY)
        self.state = State.OPEN

    def send(self, message: Message, now: float, command_id: int | None = None) -> int:
        """Send a submit_sm (ESME) or deliver_sm (SMSC), or a data_sm, and answer its sequence number.

        A peer of SMPP 3.3 gets no optional parameters.

        Raises:
            WindowFull: wait for a response first.
            LocalProtocolError: not bound that way, a parameter that SMPP does not carry, or a text in an optional
                parameter for a peer that reads none.
        """
        if self.state not in self._may_send:
            raise LocalProtocolError(f"{self._send_command.name.lower()} in state {self.state.value}")
        if self._messages_waiting >= self._window:
            raise WindowFull(f"{self._window} messages wait for their responses")
        if message.tlvs and self.plain:
            message = _without_tlvs(message)
        command = self._send_command if command_id is None else command_id
        number = self._next_number()
        self._out.append(
            write(command, Status.ROK, number, message)
            if command == CommandId.DATA_SM
            else write_message(command, number, message)
        )
        self._sequence = number
        self._waiting[number] = (command, now + self.limits.response_timeout_s)
        self._messages_waiting += 1
        return number

    def respond(self, sequence_number: int, command_status: int = Status.ROK, message_id: str = "") -> None:
        """Answer the peer's message. Late answers, after the session ended, go nowhere and harm nothing."""
        command_id = self._unanswered.pop(sequence_number, None)
        if command_id is None:
            raise LocalProtocolError(f"no message {sequence_number} waits for a response")
        if self.state is State.CLOSED:
            return
        # A failed submit_sm has no body (§4.4.2, note 1); a deliver_sm_resp always has its unused message_id (§4.6.2).
        if command_status and command_id == CommandId.SUBMIT_SM:
            self._out.append(write(command_id | RESPONSE, command_status, sequence_number))
        else:
            self._out.append(write_answer(command_id, command_status, sequence_number, message_id))

    def enquire(self, now: float) -> int:
        """Ask whether the peer is still there."""
        if self.state is State.CLOSED:
            raise LocalProtocolError("the session is closed")
        self._enquiry = self._request(CommandId.ENQUIRE_LINK, _EMPTY, now)
        return self._enquiry

    def unbind(self, now: float) -> int:
        """End the session properly; :class:`Unbound` follows."""
        if self.state not in _LIVE:
            raise LocalProtocolError(f"unbind in state {self.state.value}")
        self.state = State.UNBINDING
        return self._request(CommandId.UNBIND, _EMPTY, now)

    def data_to_send(self) -> bytes:
        """Answer all octets that wait to be written, in one piece."""
        if not self._out:
            return b""
        octets = b"".join(self._out)
        self._out.clear()
        return octets

    # --- what the wire and the clock bring -----------------------------------------------------------------------

    def receive_data(self, data: bytes, now: float) -> None:
        """Take octets as they came."""
        self._heard_at = now
        self._framer.feed(data)

    def next_events(self, now: float) -> list[Event]:
        """Answer what has happened since, in order; nothing until more octets or more time have come.

        What the owner does about an event may change how the next PDU is taken (a bind, for one), so a call answers
        no further than that: ask again until nothing is answered.

        Raises:
            RemoteProtocolError: framing is lost; a generic_nack is queued and the session is closed.
        """
        events = self._events
        next_pdu, numbers = self._framer.next, _NUMBERS.unpack_from
        receiving, answering = self._receive_command, self._send_command | RESPONSE
        unanswered, waiting = self._unanswered, self._waiting
        while self.state is not State.CLOSED:
            try:
                octets = next_pdu()
            except RemoteProtocolError as error:
                if events:
                    break  # these first; the next call comes to the same place
                # Nobody's sequence number: §3.2.3 asks for zero here.
                self._out.append(write(CommandId.GENERIC_NACK, error.command_status, 0))
                self.close()
                raise
            if octets is None:
                if not events:
                    self._run_timers(now)
                break
            command_id, status, number = numbers(octets, 4)
            if command_id == receiving:
                if self._takes(number) and (message := self._read_message(octets)) is not None:
                    unanswered[number] = command_id
                    events.append(MessageReceived(number, message))
                    if len(unanswered) < self.limits.peer_window:
                        continue
                    break  # room for more is made by answering these
            elif command_id == answering:
                if (request := waiting.get(number)) is not None and request[0] == self._send_command:
                    message_id = read_message_id(octets)
                    if message_id is not None:
                        del waiting[number]
                        self._messages_waiting -= 1
                        events.append(MessageAnswered(number, status, message_id))
                        continue
            elif command_id == CommandId.ENQUIRE_LINK and len(octets) == HEADER_OCTETS:
                self._out.append(write_alive(number))
                continue
            self._take(octets, Header(command_id, status, number))
            if events:
                break
        self._events = []
        return events

    def next_event(self, now: float) -> Event | None:
        """Answer the next event alone; see :meth:`next_events`."""
        if not self._taken:
            self._taken.extend(self.next_events(now))
        return self._taken.popleft() if self._taken else None

    def next_deadline(self) -> float | None:
        """Answer when :meth:`next_events` must be called at the latest, though nothing came."""
        state = self.state
        if state is State.CLOSED:
            return None
        # One timer for all requests, so the first in order of sending is the first to run out.
        deadline = next(iter(self._waiting.values()))[1] if self._waiting else None
        other = None
        if state in _LIVE:
            if self._enquiry is None:
                other = self._heard_at + self.limits.enquire_link_interval_s
        elif state is State.OPEN and self.role is Role.SMSC:
            other = self._opened_at + self.limits.session_init_timeout_s
        if deadline is None or (other is not None and other < deadline):
            return other
        return deadline

    def close(self) -> list[int]:
        """The connection is gone. Answer the sequence numbers of messages that were never answered."""
        self.state = State.CLOSED
        lost = [number for number, (command_id, _) in self._waiting.items() if command_id in _MESSAGES]
        self._waiting.clear()
        self._enquiry = None
        self._messages_waiting = 0
        return lost

    # --- inside --------------------------------------------------------------------------------------------------

    def _next_number(self) -> int:
        number = self._sequence % SEQUENCE_MAX + 1
        while number in self._waiting:  # after two thousand million others, one may still wait
            number = number % SEQUENCE_MAX + 1
        return number

    def _request(self, command_id: CommandId, body: Body, now: float) -> int:
        number = self._next_number()
        self._out.append(write(command_id, Status.ROK, number, body))
        self._sequence = number
        self._waiting[number] = (command_id, now + self.limits.response_timeout_s)
        return number

    def _answer_bind(self, request: BindRequested, command_status: int, body: Body) -> None:
        if self._unanswered.pop(request.sequence_number, None) is None or self.state is not State.BINDING:
            raise LocalProtocolError("no bind waits for a response")
        self._out.append(write(request.command_id | RESPONSE, command_status, request.sequence_number, body))

    def _run_timers(self, now: float) -> None:
        while self._waiting:
            number, (command_id, deadline) = next(iter(self._waiting.items()))
            if now < deadline:
                break
            self._forget(number)
            if command_id in _MESSAGES:
                self._events.append(RequestTimedOut(number, command_id))
            else:
                self._events.append(PeerSilent(f"{CommandId(command_id).name.lower()} was not answered"))
                return
        if self.role is Role.SMSC and self.state is State.OPEN:
            if now >= self._opened_at + self.limits.session_init_timeout_s:
                self._opened_at = now
                self._events.append(PeerSilent("no bind came in time"))
        elif self.bound and now >= self._heard_at + self.limits.enquire_link_interval_s and self._enquiry is None:
            self.enquire(now)

    def _forget(self, number: int) -> None:
        command_id, _ = self._waiting.pop(number)
        if command_id in _MESSAGES:
            self._messages_waiting -= 1
        elif number == self._enquiry:
            self._enquiry = None

    def _takes(self, number: int) -> bool:
        return (
            self.state in self._may_receive
            and number not in self._unanswered
            and len(self._unanswered) < self.limits.peer_window
        )

    def _read_message(self, octets: bytes) -> Message | None:
        try:
            return read_message(octets)
        except RemoteProtocolError:
            return None  # the reference says the same, where it is known what to do about it

    def _take(self, octets: bytes, header: Header) -> None:
        try:
            body = read_body(header.command_id, octets)
        except RemoteProtocolError as error:
            if error.command_status != Status.RINVOPTPARSTREAM or not self.plain:
                self._reject(header, error.command_status, str(error))
                return
            body = read_mandatory(header.command_id, octets)  # what a 3.3 peer put behind them means nothing
        if header.command_id & RESPONSE:
            self._take_response(header, body)
        else:
            self._take_request(header, body)

    def _take_request(self, header: Header, body: Body) -> None:
        match header.command_id:
            case CommandId.ENQUIRE_LINK:
                self._out.append(write(CommandId.ENQUIRE_LINK_RESP, Status.ROK, header.sequence_number))
            case CommandId.UNBIND:
                self._out.append(write(CommandId.UNBIND_RESP, Status.ROK, header.sequence_number))
                self.state = State.UNBINDING
                self._events.append(UnbindRequested())
            case self._receive_command | CommandId.DATA_SM if isinstance(body, Message):
                self._take_message(header, body)
            case CommandId.BIND_RECEIVER | CommandId.BIND_TRANSMITTER | CommandId.BIND_TRANSCEIVER if (
                self.role is Role.SMSC and isinstance(body, Bind)
            ):
                self._take_bind(header, body)
            case CommandId.ALERT_NOTIFICATION | CommandId.OUTBIND:
                self._events.append(
                    PduRejected(header.command_id, header.sequence_number, Status.ROK, "of no use here")
                )
            case _:
                self._reject(header, Status.RINVBNDSTS, "not a request for this side")

    def _take_message(self, header: Header, message: Message) -> None:
        if self.state not in self._may_receive:
            self._reject(header, Status.RINVBNDSTS, f"a message in state {self.state.value}")
        elif header.sequence_number in self._unanswered:
            self._reject(header, Status.RSYSERR, "a sequence number that waits for its response already")
        elif len(self._unanswered) >= self.limits.peer_window:
            status = Status.RX_T_APPN if self.role is Role.ESME else Status.RMSGQFUL
            self._reject(header, status, "more messages than may wait for a response")
        else:
            self._unanswered[header.sequence_number] = header.command_id
            self._events.append(MessageReceived(header.sequence_number, message))

    def _take_bind(self, header: Header, bind: Bind) -> None:
        if self.state is not State.OPEN:
            self._reject(header, Status.RALYBND, f"a bind in state {self.state.value}")
            return
        self.state = State.BINDING
        self._unanswered[header.sequence_number] = header.command_id
        self._events.append(BindRequested(header.sequence_number, header.command_id, bind))

    def _take_response(self, header: Header, body: Body) -> None:
        number, status = header.sequence_number, header.command_status
        waiting = self._waiting.get(number)
        nack = header.command_id == CommandId.GENERIC_NACK
        if waiting is None or (not nack and waiting[0] | RESPONSE != header.command_id):
            self._events.append(PduRejected(header.command_id, number, status, "a response that nobody waits for"))
            return
        if nack and status == Status.ROK:
            status = Status.RUNKNOWNERR  # a generic_nack that says that all is well: it is not
        self._forget(number)
        command_id = waiting[0]
        if isinstance(body, MessageAnswer | Empty):
            self._hear_congestion(body.tlvs)
        if command_id in _MESSAGES:
            answer = body if isinstance(body, MessageAnswer) else _NO_ANSWER
            self._events.append(MessageAnswered(number, status, answer.message_id, answer.tlvs))
        elif command_id in _BOUND:
            self._take_bind_answer(status, body)
        elif command_id == CommandId.UNBIND:
            self._events.append(Unbound())

    def _take_bind_answer(self, status: int, body: Body) -> None:
        if status != Status.ROK:
            self.state = State.OPEN
            self._events.append(BindRefused(status))
            return
        self.state = _BOUND[self._bind_command]
        answer = body if isinstance(body, BindAnswer) else BindAnswer()
        said = next((value for tag, value in answer.tlvs if tag == Tag.SC_INTERFACE_VERSION and len(value) == 1), None)
        version = None if said is None else said[0]
        if version is not None:
            # A centre that says nothing is taken at our own word: many that speak 3.4 leave the TLV out.
            self._version = min(self._version, version)
        self._events.append(Bound(answer.system_id, version))

    def _hear_congestion(self, tlvs: Tlvs) -> None:
        """Narrow our window as the peer nears its limits: in proportion from 90 on, to one message at 100."""
        for tag, value in tlvs:
            if tag == Tag.CONGESTION_STATE and len(value) == 1:
                self.congestion = min(value[0], 100)
                share = min(100 - self.congestion, 100 - CONGESTED_FROM) / (100 - CONGESTED_FROM)
                self._window = max(1, int(self.limits.window * share))

    def _reject(self, header: Header, status: int, reason: str) -> None:
        """Answer a PDU that cannot be taken: in its own response when it has one, else by generic_nack (§4.3)."""
        number = header.sequence_number
        self._events.append(PduRejected(header.command_id, number, status, reason))
        if header.command_id & RESPONSE:
            self._give_up_on(header, status)
            return
        response = header.command_id | RESPONSE
        if response not in _RESPONSES or status == Status.RINVCMDLEN:
            self._out.append(write(CommandId.GENERIC_NACK, status, number))
        else:
            # deliver_sm_resp and data_sm_resp have a message_id even then; other failed responses have no body.
            body = MessageAnswer() if response in (CommandId.DELIVER_SM_RESP, CommandId.DATA_SM_RESP) else _EMPTY
            self._out.append(write(response, status, number, body))

    def _give_up_on(self, header: Header, status: int) -> None:
        """A response that cannot be read ends the wait for it: the peer did answer, only not what it meant to."""
        waiting = self._waiting.get(header.sequence_number)
        if waiting is not None and waiting[0] | RESPONSE == header.command_id:
            self._take_response(Header(CommandId.GENERIC_NACK, status, header.sequence_number), _EMPTY)


def _without_tlvs(message: Message) -> Message:
    """Leave out what a 3.3 peer does not read; a text that would go with it is not sent at all."""
    if any(tag in _PART_OF_TEXT for tag, _ in message.tlvs):
        raise LocalProtocolError("a peer of SMPP 3.3 takes no text or part in optional parameters")
    return message.without_tlvs()


_RESPONSES = frozenset(int(command_id) for command_id in CommandId if command_id & RESPONSE)
