"""What is shipped, as `configs/release.toml` says."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FORMS = ("float32", "int8")
WHOLE_MLP = 8  # hidden units for each channel as trained: 4 of a block's own MLP, 4 of its controller's


@dataclass(frozen=True)
class RecipeModality:
    """One modality of it."""

    label: str
    trained_on: list[str]
    licences: list[str]
    controller: str = ""  # checkpoint, relative to the runs; "": the base alone


@dataclass(frozen=True)
class Recipe:
    """One shared base, a controller for each modality that has a trained one."""

    name: str
    folder: str  # of the 8-bit weights, which all models share
    side: int
    profile: str
    description: str
    base: str  # checkpoint, relative to the runs
    views: dict[str, dict[str, dict[str, Any]]]  # side -> modality -> how the network looks, as the manifest has it
    white_balance: dict[str, dict[str, Any]]  # modality -> the usual light, as the manifest has it
    mlp: dict[
        str, float
    ]  # modality -> hidden units of a block's MLPs for each channel, both together, if not WHOLE_MLP
    codes: dict[str, dict[str, Any]]  # modality -> what is marked, in codes, as the manifest has it
    modalities: dict[str, RecipeModality]
    attention: str = "float32"  # of the 8-bit encoders; or "int8": products and softmax in integers
    decoder: str = "float32"  # of the 8-bit models; or "int8": its large layers

    @classmethod
    def read(cls, path: Path) -> Recipe:
        """From the file. Raises SystemExit where it does not fit."""
        values = tomllib.loads(path.read_text())
        try:
            modalities = {name: RecipeModality(**given) for name, given in values.pop("modality").items()}
            recipe = cls(**{"views": {}, "white_balance": {}, "mlp": {}, "codes": {}, **values}, modalities=modalities)
        except (KeyError, TypeError) as error:
            raise SystemExit(f"{path}: {error}") from error
        if not isinstance(recipe.mlp, dict):
            raise SystemExit(f"{path}: mlp is {recipe.mlp}, expected a table by modality")
        for name, width in recipe.mlp.items():
            if name not in modalities or not modalities[name].controller:
                raise SystemExit(f"{path}: mlp names {name}, which has no controller there")
            if isinstance(width, bool) or not isinstance(width, int | float) or not 0 < width < WHOLE_MLP:
                raise SystemExit(f"{path}: mlp of {name} is {width}, expected more than 0 and less than {WHOLE_MLP}")
        for of, form in {"attention": recipe.attention, "decoder": recipe.decoder}.items():
            if form not in FORMS:
                raise SystemExit(f"{path}: {of} is {form}, expected {' or '.join(FORMS)}")
        return recipe

    def looks(self, side: int) -> dict[str, dict[str, Any]]:
        """Modality -> how the network looks at that side, if not once at the whole."""
        return self.views.get(str(side), {})

    def sides(self, modality: str) -> list[int]:
        """At which it is served: the recipe's own, and those whose views name it."""
        return sorted({self.side, *(int(side) for side, looks in self.views.items() if modality in looks)})

    def tiles(self, side: int, modality: str) -> int:
        """Of a side of the picture."""
        return self.looks(side).get(modality, {}).get("tiles", 1)
