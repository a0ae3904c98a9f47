"""Asterisk's manager interface (AMI): panoramisk behind one adapter that guards it (ADR 0004)."""

from ivr.ami.client import AmiClient, AmiSettings, AmiState, Originated
from ivr.ami.errors import AmiError, AmiLoginRefused, AmiOutcomeUnknown, AmiRefused, AmiUnavailable
from ivr.ami.messages import AmiMessage

__all__ = [
    "AmiClient",
    "AmiError",
    "AmiLoginRefused",
    "AmiMessage",
    "AmiOutcomeUnknown",
    "AmiRefused",
    "AmiSettings",
    "AmiState",
    "AmiUnavailable",
    "Originated",
]
