"""Run every benchmark, one after the other, and keep the results.

python -m benchmarks
"""

from __future__ import annotations

import subprocess
import sys

BENCHMARKS = (
    ("agi_commands",),
    ("agi_commands", "--whole", "--calls", "1000"),
    ("sms_round_trips",),
    ("flow_checks",),
    ("flow_turns",),
    ("money",),
)


def main() -> int:
    """Run each in a process of its own, so that none warms the other's caches; answer the worst exit code."""
    worst = 0
    for name, *arguments in BENCHMARKS:
        print("==", name, *arguments, flush=True)
        finished = subprocess.run([sys.executable, "-m", f"benchmarks.{name}", *arguments, "--save"], check=False)
        worst = max(worst, finished.returncode)
    return worst


if __name__ == "__main__":
    sys.exit(main())
