"""The settings of one-time codes."""

from __future__ import annotations

from pydantic import Field

from core_client.domain.sims import SimPolicy
from tellerline.config_section import Seconds, Section


class Codes(Section):
    """One-time codes by text, and the SIMs that they go to."""

    fresh_sim_h: float = Field(
        default=72, ge=0, le=8760, description="A number whose SIM was swapped less than so many hours ago gets none."
    )
    sim_deadline_s: Seconds = Field(default=2, description="Whoever knows SIMs must answer within this time.")
    send_when_sim_unknown: bool = Field(
        default=True, description="Send codes although nobody knows how fresh a SIM is: no signal, or one that fails."
    )


def sim_policy_of(config: Codes) -> SimPolicy:
    """Answer the policy that the settings describe."""
    return SimPolicy(config.fresh_sim_h, config.sim_deadline_s, config.send_when_sim_unknown)
