"""The settings of the balance that a missed call brings."""

from __future__ import annotations

from pydantic import Field

from tellerline.config_section import Count, Seconds, Section


class MissedCall(Section):
    """A number that nobody answers: a call there brings the balance by text to customers who agreed to it."""

    number: str = Field(
        default="95501",
        pattern=r"^(\+?[0-9]{2,20})?$",
        description="That number, as Asterisk brings it and customers ring it; empty: there is none.",
    )
    step: str = Field(
        default="balance", pattern=r"^[a-z0-9_.]{1,64}$", description="Step of the texts' flow that makes the text."
    )
    per_day: Count = Field(default=10, description="Texts to one number in 24 hours.")
    redial_s: Seconds = Field(default=60, description="A call this soon after the last one is the same call.")
    only_proven: bool = Field(
        default=False,
        description="Believe only calls that carry an attestation (STIR/SHAKEN A or B); C and failed never count.",
    )
