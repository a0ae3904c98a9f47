"""Well, degraded, down: what the health pages say of SMS, and how often the log tells of a queue that is too old."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

import aiohttp
import pytest
from structlog.testing import capture_logs

from sms.messages import Purpose
from tellerline.health import Health, serving
from tellerline.telemetry import Metrics
from tellerline.texts.figures import BindStanding, QueueStanding
from tellerline.texts.standing import Level, Limits, SmsStanding

UP = BindStanding("north/a", bound=True)
DOWN = BindStanding("south/a", bound=False)
ELSEWHERE = BindStanding("south/a", bound=False, held=False)


class Gateway:
    """What is watched; tests set it."""

    def __init__(self) -> None:
        self.up: tuple[BindStanding, ...] = (UP,)
        self.waiting: dict[Purpose, QueueStanding] = {}

    def binds(self) -> Iterable[BindStanding]:
        return self.up

    def queues(self) -> Mapping[Purpose, QueueStanding]:
        return self.waiting

    def receipts(self) -> Mapping[str, int]:
        return {}

    def received(self) -> Mapping[str, int]:
        return {}


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def a_standing() -> tuple[Gateway, Clock, SmsStanding]:
    gateway, clock = Gateway(), Clock()
    limits = Limits({Purpose.CODE: 15, Purpose.CAMPAIGN: 3600}, again_s=300, look_s=5)
    return gateway, clock, SmsStanding(gateway, limits, clock)


@pytest.mark.parametrize(
    ("binds", "level"),
    [
        ((UP,), Level.WELL),
        ((UP, DOWN), Level.DEGRADED),
        ((DOWN,), Level.DOWN),
        ((ELSEWHERE,), Level.WELL),  # another node has the one bind there may be
        ((UP, ELSEWHERE), Level.WELL),
        ((DOWN, BindStanding("x/a", bound=False, held=False)), Level.DOWN),
    ],
)
def test_one_bind_of_several_degrades_and_none_is_down(binds: tuple[BindStanding, ...], level: Level) -> None:
    gateway, _, standing = a_standing()
    gateway.up = binds
    assert standing.level is level
    assert standing.told()["state"] == level


def test_a_queue_that_is_too_old_is_told_at_once_then_once_a_period_and_when_it_is_well_again() -> None:
    gateway, clock, standing = a_standing()
    with capture_logs() as logs:
        gateway.waiting = {Purpose.CODE: QueueStanding(4, 15.0)}
        standing.look()
        assert logs == []
        gateway.waiting = {Purpose.CODE: QueueStanding(4, 15.1), Purpose.CAMPAIGN: QueueStanding(9, 3000.0)}
        for _ in range(60):
            standing.look()
            clock.now += 5
        (told,) = logs
        assert (told["event"], told["purpose"], told["depth"], told["limit_s"]) == ("sms.queue_too_old", "code", 4, 15)
        assert told["log_level"] == "error"
        standing.look()
        assert len(logs) == 2
        assert standing.degraded() == {"queue of code": "the oldest of 4 waits for 15 s, 15 s at most"}
        assert standing.too_old() == {Purpose.CODE: True, Purpose.CAMPAIGN: False}
        gateway.waiting = {}
        standing.look()
        standing.look()
        assert [line["event"] for line in logs[2:]] == ["sms.queue_recovered"]
        assert standing.level is Level.WELL


async def page(port: int, path: str) -> tuple[int, dict[str, object]]:
    async with aiohttp.ClientSession() as http, http.get(f"http://127.0.0.1:{port}{path}") as answer:
        return answer.status, json.loads(await answer.text())


async def test_a_degraded_node_stays_ready_and_a_node_that_is_down_does_not() -> None:
    gateway, _, standing = a_standing()

    async def texts() -> str | None:
        return standing.down()

    health = Health({"texts": texts}, Metrics(), parts={"sms": standing})
    async with serving(health, "127.0.0.1", 0) as port:
        gateway.up = (UP, DOWN)
        gateway.waiting = {Purpose.CODE: QueueStanding(1, 99.0)}
        status, ready = await page(port, "/health/ready")
        assert (status, ready["ready"]) == (200, True)
        assert ready["degraded"] == {
            "south/a": "not bound",
            "queue of code": "the oldest of 1 waits for 99 s, 15 s at most",
        }
        status, detail = await page(port, "/health/detail")
        assert (status, detail["state"]) == (200, "degraded")
        sms = detail["sms"]
        assert isinstance(sms, dict)
        assert [(bind["name"], bind["bound"]) for bind in sms["binds"]] == [("north/a", True), ("south/a", False)]
        assert sms["queues"] == {"code": {"depth": 1, "oldest_s": 99.0}}
        gateway.up = (DOWN,)
        status, ready = await page(port, "/health/ready")
        assert (status, ready["reasons"]) == (503, {"texts": "not bound to any SMSC"})
        assert (await page(port, "/health/detail"))[1]["state"] == "down"
