"""Logs and metrics: one canonical line a call and a text, and figures for Prometheus that name nobody."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TextIO

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, PlatformCollector, ProcessCollector

from tellerline.counted import OperationFigures
from tellerline.log_lines import JsonLine, Lines, Stamp
from tellerline.masking import mask_event
from tellerline.texts.figures import SmsFigures

# Seconds: from a wrong number to a long dispute.
_CALL_BUCKETS = (5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0)


def configure_logging(
    log_format: Literal["json", "console"] = "json", level: str = "info", stream: TextIO | None = None
) -> Lines:
    """Send our events and those of foreign libraries through the same masking chain to ``stream`` (stderr).

    Answers where our own lines wait for the end of the event loop's tick; the process flushes them when it ends.
    """
    out = stream or sys.stderr
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        Stamp(),
        structlog.processors.format_exc_info,
        mask_event,
    ]
    render: Any = (
        JsonLine() if log_format == "json" else structlog.dev.ConsoleRenderer(colors=out.isatty(), pad_event_to=24)
    )
    number = getattr(logging, level.upper())
    lines = Lines(out)
    structlog.configure(
        processors=[*shared, render],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=lambda *_: lines,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(number, logging.WARNING))
    for noisy in ("smpplib", "panoramisk", "asyncio", "aiohttp.access"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    return lines


@contextlib.contextmanager
def logging_to(stream: TextIO) -> Iterator[None]:
    """Log to ``stream`` inside the block, and as before after it: who closes the stream leaves no log that uses it."""
    events, root = structlog.get_config(), logging.getLogger()
    handlers, level = root.handlers[:], root.level
    lines = configure_logging("json", "info", stream)
    try:
        yield
    finally:
        lines.flush()
        structlog.configure(**events)
        root.handlers[:] = handlers
        root.setLevel(level)


@dataclass(slots=True)
class Metrics:
    """The figures of one node, in a registry of its own so that two nodes in one test do not mix."""

    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    calls: Counter = field(init=False)
    calls_active: Gauge = field(init=False)
    missed_calls: Counter = field(init=False)
    call_seconds: Histogram = field(init=False)
    operations: OperationFigures = field(default_factory=OperationFigures)
    flow_reloads: Counter = field(init=False)
    flow_live: Gauge = field(init=False)
    flow_register_up: Gauge = field(init=False)
    smsc_bound: Gauge = field(init=False)
    sms: SmsFigures = field(default_factory=SmsFigures)

    def __post_init__(self) -> None:
        registry = self.registry
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        self.calls = Counter("tellerline_calls", "Calls, by how they ended.", ("ended",), registry=registry)
        self.calls_active = Gauge("tellerline_calls_active", "Calls in progress.", registry=registry)
        self.missed_calls = Counter(
            "tellerline_missed_calls",
            "Calls that nobody answers, by what became of them.",
            ("outcome",),
            registry=registry,
        )
        self.call_seconds = Histogram(
            "tellerline_call_seconds", "Length of calls.", buckets=_CALL_BUCKETS, registry=registry
        )
        self.flow_reloads = Counter(
            "tellerline_flow_reloads", "Changed flows, taken or refused.", ("outcome",), registry=registry
        )
        self.flow_live = Gauge(
            "tellerline_flow_live_version",
            "1 for the version of each flow that new dialogues begin with on this node.",
            ("flow", "version"),
            registry=registry,
        )
        self.flow_register_up = Gauge(
            "tellerline_flow_register_up", "1 while the register of published flows answers.", registry=registry
        )
        self.smsc_bound = Gauge("tellerline_smsc_bound", "1 while bound to any SMSC.", registry=registry)
        registry.register(self.operations)
        registry.register(self.sms)

    def flows_live(self, versions: Mapping[str, str]) -> None:
        """Take note of what is live now: flow to version."""
        self.flow_live.clear()
        for flow, version in versions.items():
            self.flow_live.labels(flow, version).set(1)
