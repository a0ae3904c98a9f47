"""One SMPP 3.4 session, either side: octets and ``now`` in, events and octets out. It never touches the world.

Feed it with :meth:`Session.receive_data`, take events with :meth:`Session.next_event` until that answers None, send
what :meth:`Session.data_to_send` answers, and call :meth:`Session.next_event` again at :meth:`Session.next_deadline`.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

from sms.smpp.codes import RESPONSE, SEQUENCE_MAX, CommandId, Status
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
from sms.smpp.pdu import (
    Bind,
    BindAnswer,
    Body,
    Empty,
    Framer,
    Header,
    Message,
    MessageAnswer,
    read_body,
    read_header,
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
_EMPTY = Empty()


class Session:
    """The protocol of one connection."""

    def __init__(self, role: Role, now: float, limits: Limits | None = None) -> None:
        self.role = role
        self.state = State.OPEN
        self.limits = limits or Limits()
        self._framer = Framer()
        self._out: list[bytes] = []
        self._events: deque[Event] = deque()
        self._sequence = 0
        self._waiting: dict[int, tuple[int, float]] = {}  # our requests: command and deadline; oldest first
        self._messages_waiting = 0
        self._unanswered: dict[int, int] = {}  # the peer's requests, by sequence number
        self._heard_at = now
        self._opened_at = now
        self._bind_command = CommandId.BIND_TRANSCEIVER
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
    def window_free(self) -> int:
        """How many more messages may be sent now."""
        return self.limits.window - self._messages_waiting if self.state in self._may_send else 0

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
        self.state = State.BINDING
        return sequence_number

    def accept_bind(self, request: BindRequested, system_id: str) -> None:
        """Let the ESME in (SMSC role)."""
        self._answer_bind(request, Status.ROK, BindAnswer(system_id))
        self.state = _BOUND[CommandId(request.command_id)]

    def refuse_bind(self, request: BindRequested, command_status: int) -> None:
        """Keep the ESME out (SMSC role); it may try again on this connection."""
        self._answer_bind(request, command_status, _EMPTY)
        self.state = State.OPEN

    def send(self, message: Message, now: float) -> int:
        """Send a submit_sm (ESME) or deliver_sm (SMSC) and answer its sequence number.

        Raises:
            WindowFull: wait for a response first.
            LocalProtocolError: not bound that way, or a parameter that SMPP does not carry.
        """
        if self.state not in self._may_send:
            raise LocalProtocolError(f"{self._send_command.name.lower()} in state {self.state.value}")
        if self._messages_waiting >= self.limits.window:
            raise WindowFull(f"{self.limits.window} messages wait for their responses")
        sequence_number = self._request(self._send_command, message, now)
        self._messages_waiting += 1
        return sequence_number

    def respond(self, sequence_number: int, command_status: int = Status.ROK, message_id: str = "") -> None:
        """Answer the peer's message. Late answers, after the session ended, go nowhere and harm nothing."""
        command_id = self._unanswered.pop(sequence_number, None)
        if command_id is None:
            raise LocalProtocolError(f"no message {sequence_number} waits for a response")
        if self.state is State.CLOSED:
            return
        # A failed submit_sm has no body (§4.4.2, note 1); a deliver_sm_resp always has its unused message_id (§4.6.2).
        body = _EMPTY if command_status and self.role is Role.SMSC else MessageAnswer(message_id)
        self._out.append(write(command_id | RESPONSE, command_status, sequence_number, body))

    def enquire(self, now: float) -> int:
        """Ask whether the peer is still there."""
        if self.state is State.CLOSED:
            raise LocalProtocolError("the session is closed")
        return self._request(CommandId.ENQUIRE_LINK, _EMPTY, now)

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

    def next_event(self, now: float) -> Event | None:
        """Answer the next event, or None until more octets or more time have come.

        Raises:
            RemoteProtocolError: framing is lost; a generic_nack is queued and the session is closed.
        """
        while not self._events:
            if self.state is State.CLOSED:
                return None
            try:
                pdu = self._framer.next()
            except RemoteProtocolError as error:
                # Nobody's sequence number: §3.2.3 asks for zero here.
                self._out.append(write(CommandId.GENERIC_NACK, error.command_status, 0))
                self.close()
                raise
            if pdu is None:
                self._run_timers(now)
                return self._events.popleft() if self._events else None
            self._take(pdu)
        return self._events.popleft()

    def next_deadline(self) -> float | None:
        """Answer when :meth:`next_event` must be called at the latest, though nothing came."""
        if self.state is State.CLOSED:
            return None
        deadlines = [deadline for _, deadline in self._oldest()]
        if self.role is Role.SMSC and self.state is State.OPEN:
            deadlines.append(self._opened_at + self.limits.session_init_timeout_s)
        if self.bound and not self._enquiring():
            deadlines.append(self._heard_at + self.limits.enquire_link_interval_s)
        return min(deadlines, default=None)

    def close(self) -> list[int]:
        """The connection is gone. Answer the sequence numbers of messages that were never answered."""
        self.state = State.CLOSED
        lost = [number for number, (command_id, _) in self._waiting.items() if command_id == self._send_command]
        self._waiting.clear()
        self._messages_waiting = 0
        return lost

    # --- inside --------------------------------------------------------------------------------------------------

    def _request(self, command_id: CommandId, body: Body, now: float) -> int:
        number = self._sequence % SEQUENCE_MAX + 1
        while number in self._waiting:  # after two thousand million others, one may still wait
            number = number % SEQUENCE_MAX + 1
        self._out.append(write(command_id, Status.ROK, number, body))
        self._sequence = number
        self._waiting[number] = (command_id, now + self.limits.response_timeout_s)
        return number

    def _answer_bind(self, request: BindRequested, command_status: int, body: Body) -> None:
        if self._unanswered.pop(request.sequence_number, None) is None or self.state is not State.BINDING:
            raise LocalProtocolError("no bind waits for a response")
        self._out.append(write(request.command_id | RESPONSE, command_status, request.sequence_number, body))

    def _oldest(self) -> list[tuple[int, float]]:
        # One timer for all requests, so the first in order of sending is the first to run out.
        return [next(iter(self._waiting.values()))] if self._waiting else []

    def _enquiring(self) -> bool:
        return any(command_id == CommandId.ENQUIRE_LINK for command_id, _ in self._waiting.values())

    def _run_timers(self, now: float) -> None:
        while self._waiting:
            number, (command_id, deadline) = next(iter(self._waiting.items()))
            if now < deadline:
                break
            self._forget(number)
            if command_id == self._send_command:
                self._events.append(RequestTimedOut(number, command_id))
            else:
                self._events.append(PeerSilent(f"{CommandId(command_id).name.lower()} was not answered"))
                return
        if self.role is Role.SMSC and self.state is State.OPEN:
            if now >= self._opened_at + self.limits.session_init_timeout_s:
                self._opened_at = now
                self._events.append(PeerSilent("no bind came in time"))
        elif self.bound and now >= self._heard_at + self.limits.enquire_link_interval_s and not self._enquiring():
            self.enquire(now)

    def _forget(self, number: int) -> int | None:
        waiting = self._waiting.pop(number, None)
        if waiting is None:
            return None
        if waiting[0] == self._send_command:
            self._messages_waiting -= 1
        return waiting[0]

    def _take(self, pdu: bytes) -> None:
        header = read_header(pdu)
        try:
            body = read_body(header.command_id, pdu)
        except RemoteProtocolError as error:
            self._reject(header, error.command_status, str(error))
            return
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
            case self._receive_command if isinstance(body, Message):
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
        if command_id == self._send_command:
            message_id = body.message_id if isinstance(body, MessageAnswer) else ""
            self._events.append(MessageAnswered(number, status, message_id))
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
        self._events.append(Bound(body.system_id if isinstance(body, BindAnswer) else ""))

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
            # deliver_sm_resp has its unused message_id even then; other failed responses have no body.
            body = MessageAnswer() if response == CommandId.DELIVER_SM_RESP else _EMPTY
            self._out.append(write(response, status, number, body))

    def _give_up_on(self, header: Header, status: int) -> None:
        """A response that cannot be read ends the wait for it: the peer did answer, only not what it meant to."""
        waiting = self._waiting.get(header.sequence_number)
        if waiting is not None and waiting[0] | RESPONSE == header.command_id:
            self._take_response(Header(CommandId.GENERIC_NACK, status, header.sequence_number), _EMPTY)


_RESPONSES = frozenset(int(command_id) for command_id in CommandId if command_id & RESPONSE)
