"""What viewers were told, and what was wrong with it."""

import threading
import time
from collections import Counter, defaultdict
from typing import Any

from wire import Told

SAID = 20
"""Faults that are kept in words; all are counted."""
SETTLED = 10
"""Looks in a row over which a frame is under way at most; for longer, and it is lost."""


class Ledger:
    """Every message of every viewer that reads as it should. Any thread may write."""

    def __init__(self, budget_ms: float) -> None:
        self.budget_ms = budget_ms
        self.lock = threading.Lock()
        self.faults: list[str] = []
        self.fault_count = 0
        self.messages: Counter[str] = Counter()
        self.joined: Counter[str] = Counter()
        self.refused = 0
        self.states: Counter[str] = Counter()
        self.oldest_mask_ms = 0.0

    def fault(self, text: str) -> None:
        """Something that must not be."""
        with self.lock:
            self.fault_count += 1
            if len(self.faults) < SAID:
                self.faults.append(text)

    def join(self, who: str) -> None:
        """One more viewer."""
        with self.lock:
            self.joined[who] += 1

    def refuse(self) -> None:
        """One that had no place."""
        with self.lock:
            self.refused += 1

    def heard(self, who: str, told: Told, last: Told | None) -> None:
        """A message, after that viewer's last one."""
        with self.lock:
            self.messages[who] += 1
            self.states[told.state] += 1
        if told.state == "mask":
            if told.age_ms is None:
                self.fault(f"{who}: a mask without an age")
            else:
                with self.lock:
                    self.oldest_mask_ms = max(self.oldest_mask_ms, told.age_ms)
                if told.age_ms > self.budget_ms:
                    self.fault(f"{who}: a mask of {told.age_ms:.1f} ms, and {self.budget_ms:.0f} is the budget")
        if last and last.state == told.state == "mask" and (told.sequence or 0) < (last.sequence or 0):
            self.fault(f"{who}: a mask of picture {told.sequence} after one of {last.sequence}")


class Ages:
    """Of each answer when a viewer was first told of it, and of each stage's time."""

    def __init__(self) -> None:
        self.update = 0
        self.answers = 0
        self.missed = 0
        self.told: list[float] = []
        self.lag: list[float] = []
        """Of its arrival by our clock after its telling by the source's; the least of them is the clocks' difference."""
        self.stages: dict[str, list[float]] = defaultdict(list)

    def heard(self, told: Told) -> None:
        """A message with a report."""
        arrived = time.monotonic() * 1e3
        update = told.report["update"]
        if update == self.update:
            return
        self.update = update
        self.answers += 1
        self.missed += told.missed
        result = told.report["result"]
        if told.age_ms is None or not result:
            return
        self.told.append(told.age_ms)
        self.lag.append(arrived - told.report["at_ms"])
        for stage, ms in result["times_ms"].items():
            self.stages[stage].append(ms)

    def arrived(self) -> list[float]:
        """Ages on arrival: what the way to the viewer, and waiting for a core there, add."""
        least = min(self.lag, default=0.0)
        return [age + lag - least for age, lag in zip(self.told, self.lag, strict=True)]


class Accounts:
    """What became of every picture: each is in one of the counts, or under way."""

    FATES = ("same", "replaced", "segmented", "failed", "left_out")

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.counts: Counter[str] = Counter()
        self.open: list[int] = []

    def look(self, source: dict[str, Any]) -> None:
        """The counts of now."""
        counts = Counter(source["counts"])
        for name, count in counts.items():
            if count < self.counts[name]:
                self.ledger.fault(f"'{name}' went from {self.counts[name]} to {count}")
        self.counts = counts
        rest = counts["captured"] - sum(counts[fate] for fate in self.FATES)
        if rest < 0:
            self.ledger.fault(f"{-rest} pictures have two fates: {dict(counts)}")
        self.open = [*self.open[1 - SETTLED :], rest]

    def unaccounted(self) -> int:
        """Pictures that were under way all the time lately: lost. One waits and one is in work at any time."""
        return max(0, min(self.open, default=0) - 2)
