"""What operators call the states of a message, in receipts: SMPP 3.4 Appendix B and table 5-6, and what is seen in use.

Words are compared by their letters alone. One that is not here says nothing, and the text stays where it was; nor is it
kept, since it may be a word of the message.
"""

from __future__ import annotations

import re

from sms.messages import State

# SMPP 3.4 §5.2.28, and SMPP 5.0 §4.7.15 for 0 and 9.
_NUMBERED = (
    "SCHEDULED",
    "ENROUTE",
    "DELIVRD",
    "EXPIRED",
    "DELETED",
    "UNDELIV",
    "ACCEPTD",
    "UNKNOWN",
    "REJECTD",
    "SKIPPED",
)
_WORDS: dict[State, str] = {
    State.DELIVERED: "DELIVRD DELIVERED DELIVERD DELIVERRD DLVRD DELIVEREDTOTERMINAL DELIVEREDTOHANDSET SUCCESS",
    State.EXPIRED: "EXPIRED EXPIRD EXPIRE TIMEOUT TIMEDOUT",
    State.UNDELIVERABLE: (
        "UNDELIV UNDELIVERABLE UNDELIVERED UNDELIVRD UNDELIVERD UNDLVRD NOTDELIVERED NOTDELIVRD DELIVERYIMPOSSIBLE "
        "DELIVERYFAILED DELETED DELETD DELETE CANCELLED CANCELED FAILED FAIL FAILURE SKIPPED"
    ),
    State.REJECTED: "REJECTD REJECTED REJECT REJCTD REJECTE",
    State.UNKNOWN: "UNKNOWN UNKNOWND UNKNWN DELIVERYUNCERTAIN",
    State.ACCEPTED: (
        "ENROUTE ACCEPTD ACCEPTED ACCEPTE BUFFERED BUFFRED BUFFERD SCHEDULED SCHEDLD PENDING QUEUED SUBMITD SUBMITTED "
        "SENT RETRY MESSAGEWAITING DELIVEREDTONETWORK"
    ),
}
_STATES = {word: state for state, words in _WORDS.items() for word in words.split()}
_NO_LETTER = re.compile(r"[^A-Z]+")
UNSAID = "UNSAID"  # in place of a word: the receipt has none
UNLISTED = "UNLISTED"  # in place of a word that is not here


def word_of(said: str) -> str:
    """Answer a state's word as it is kept: its letters, and a number by its name."""
    if said.isascii() and said.isdigit():
        number = int(said[:4])
        return _NUMBERED[number] if number < len(_NUMBERED) else UNLISTED
    word = _NO_LETTER.sub("", said.upper())
    return word if word in _STATES else UNLISTED if word else UNSAID


def is_known(word: str) -> bool:
    """Answer whether a word says something."""
    return word in _STATES


def state_of(word: str) -> State:
    """Answer what a word comes to; ``accepted`` for one that says nothing."""
    return _STATES.get(word, State.ACCEPTED)
