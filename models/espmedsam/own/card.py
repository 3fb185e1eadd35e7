"""What is to be known of a model of one's own, in words and figures."""

from __future__ import annotations

from typing import Any

from ..export.model_dir import Entry
from ..facts.notice import NOTICE
from ..measure.evaluation import Evaluation
from ..measure.statistics import mean_of
from .dataset import Found
from .package import Own


def validation(evaluated: dict[str, Any]) -> list[Entry]:
    """For the manifest."""
    return [
        {
            "dataset": of["dataset"],
            "images": of["images"],
            "dice": round(of["dice_mean"], 4),
            "iou": round(of["iou_mean"], 4),
        }
        for of in evaluated["datasets"]
    ]


def text(own: Own, found: Found, after: dict[str, Any], before: dict[str, Any]) -> str:
    """Markdown."""
    warnings = "".join(f"\n- Mind: {warning}." for warning in found.warnings)
    return f"""# {own.name}

**{NOTICE}**

Marks *{own.label}* in pictures of {own.modality}. A controller over the shipped base, trained on
{found.pictures - found.kept} pictures of one's own, judged by {found.kept} others ({found.groups} patients or pictures,
{found.empty} pictures are empty).
{warnings}

| on the {found.kept} pictures kept, 8 bits, through the program | Dice, mean with 95 % interval | below 0.5 |
| --- | ---: | ---: |
| {own.name} | {_row(after)} |
| the shipped model, which never saw this target | {_row(before)} |

The interval says how far other pictures of the same source may differ, not what another hospital's device gives. No
confidence is shown with these masks: it would have to be calibrated on other pictures first.
"""


def _row(evaluated: dict[str, Any]) -> str:
    dices = [p.dice for p in Evaluation.of(evaluated).pictures or () if p.dice is not None]
    low = sum(dice < 0.5 for dice in dices)
    return f"{mean_of(dices).text()} | {low} of {len(dices)}"
