"""How a text is written for one operator: its parts as submit_sm, by all that is peculiar to that operator."""

from __future__ import annotations

from sms.messages import Outgoing, Purpose
from sms.operators import Operator
from sms.smpp import Address, Message
from sms.text.segmentation import plan

MAX_ADDRESSES = 16_384  # kept: customers text more than once
_DAY_S, _HOUR_S, _MINUTE_S = 86_400, 3_600, 60
_MAX_VALIDITY_S = 31 * _DAY_S  # days have two digits, and months are of no fixed length


class Writer:
    """Writes texts for one operator."""

    def __init__(self, operator: Operator) -> None:
        self._operator = operator
        self._international = operator.ton_npi.get("international", (1, 1))
        self._short = operator.ton_npi.get("short", (0, 1))
        self._name = operator.ton_npi.get("name", (5, 0))
        self._registered_delivery = int(operator.receipts)
        self._by_purpose = {
            purpose: (operator.priority.get(purpose, 0), operator.validity_s.get(purpose, 0.0)) for purpose in Purpose
        }
        self._addresses: dict[str, Address] = {}
        self._nobody = Address(operator.senders[0]) if operator.senders else Address("")
        if operator.senders:
            self._nobody = self.address(operator.senders[0])

    def messages(self, outgoing: Outgoing, now: float) -> list[Message]:
        """Answer the parts of a text in order. ``now`` is seconds since the epoch.

        Raises:
            TooLongError: it has more parts than a text can have.
            UnwritableError: the operator takes no alphabet that has all its characters.
        """
        operator = self._operator
        segments = plan(outgoing.text, operator, outgoing.reference)
        source = self.address(outgoing.source) if outgoing.source else self._nobody
        destination = self.address(outgoing.destination)
        priority, validity_s = self._by_purpose[outgoing.purpose]
        validity = relative_time(min(validity_s, outgoing.expires_at - now)) if validity_s else ""
        coding, esm_class, tlvs = segments.data_coding, segments.esm_class, segments.tlvs
        registered, service, own = self._registered_delivery, operator.service_type, operator.tlvs
        return [
            Message(
                source,
                destination,
                part,
                coding,
                esm_class,
                registered,
                service,
                0,
                priority,
                "",
                validity,
                0,
                0,
                own + tlvs[index] if tlvs else own,
            )
            for index, part in enumerate(segments.parts)
        ]

    def address(self, number: str) -> Address:
        """Answer how ``number`` is written for this operator."""
        found = self._addresses.get(number)
        if found is None:
            if len(self._addresses) >= MAX_ADDRESSES:
                self._addresses.clear()
            found = self._addresses[number] = self._address(number)
        return found

    def _address(self, number: str) -> Address:
        if number.startswith("+"):
            return Address(number[1:], *self._international)
        if number.isascii() and number.isdigit():
            return Address(number, *self._short)
        return Address(number, *self._name)


def relative_time(seconds: float) -> str:
    """Answer a time from now as SMPP writes it (3.4 §7.1.1.2): ``YYMMDDhhmmss000R``. At least a second."""
    rest = int(min(max(seconds, 1.0), _MAX_VALIDITY_S))
    days, rest = divmod(rest, _DAY_S)
    hours, rest = divmod(rest, _HOUR_S)
    minutes, rest = divmod(rest, _MINUTE_S)
    return f"0000{days:02}{hours:02}{minutes:02}{rest:02}000R"
