"""What is to be known of a model of one's own, in words and figures."""

from __future__ import annotations

from dataclasses import dataclass

from ..facts.notice import NOTICE
from ..measure.evaluation import Evaluation, dices, with_target
from ..measure.statistics import markdown, mean_of
from .dataset import Found
from .package import Own, serving, shipped

LOW = 0.5  # a mask of a lower Dice hardly shows the target


@dataclass(frozen=True)
class Judged:
    """A model by what the program made of the pictures that were kept."""

    name: str
    evaluation: Evaluation

    def row(self) -> list[str]:
        """Of the table."""
        pictures = self.evaluation.pictures or ()
        dice, empty = dices(with_target(pictures)), [picture for picture in pictures if picture.empty]
        marked = f"{sum(picture.marked for picture in empty)} of {len(empty)}"
        return [self.name, mean_of(dice).text(), f"{(dice < LOW).sum()} of {len(dice)}", marked if empty else "–"]


def text(own: Own, found: Found, after: Evaluation, before: Evaluation) -> str:
    """Markdown; `before` is the shipped model's."""
    warnings = "".join(f"\n- Mind: {warning}." for warning in found.warnings)
    entry, theirs = shipped(own.models, own.modality)[1], serving(own.models, own.modality)
    table = markdown(
        f"by the program, as served | Dice where there is a target, mean with 95 % interval | Dice below {LOW} | "
        "empty, falsely marked",
        [Judged(own.name, after).row(), Judged(f"shipped: {theirs}, for {entry['label']}", before).row()],
    )
    return f"""# {own.name}

**{NOTICE}**

Marks *{own.label}* in pictures of {own.modality}. A controller over the shipped base, which stays as it is. It goes on from
the shipped controller, trained on {", ".join(entry["trained_on"]) or "data that are not stated"}.

It learned from {found.pictures - found.kept} pictures of one's own and is judged by {found.kept} others, {found.kept_empty}
of them without a target, of other patients as far as these are known. (In all {found.pictures} pictures of {found.groups}
patients, each picture a patient where none is named; {found.empty} without a target.)
{warnings}

{table}
The shipped model may mark something else: it stands there to say what was gained. What it was trained on may hold these
very pictures, if they are public. The interval says where the mean may lie on other pictures of the same source, not what
another hospital's device gives. These masks come without a confidence and without a presence score: both would have to be
calibrated, on other pictures than these.
"""
