"""A U-Net that knows what it was trained on, so that its checkpoint can be used where the pictures are not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..checkpoint import EXTRA_STATE
from ..pictures.recipe import Recipe, check_same_classes, recipe_from
from .unet import UNet

RECIPE = EXTRA_STATE
"""Name of the recipe in the state, as this is the outermost module."""


class Segmenter(UNet):
    """`UNet` for pictures, with its `Recipe` in its state."""

    def __init__(self, recipe: Recipe) -> None:
        super().__init__(channels=recipe.channels, outputs=recipe.outputs)
        self.recipe = recipe

    def get_extra_state(self) -> dict[str, Any]:
        """Plain values, for the checkpoint."""
        return self.recipe.plain()

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Keep the recipe of the pictures that are there now, which the weights go on with.

        Raises `UsageError` where it has other classes than the state, `ValueError` for one of a newer version.
        """
        check_same_classes(recipe_from(state), self.recipe)

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        """As torch does it; a state of an older version, which has no recipe, is taken too."""
        return super().load_state_dict({RECIPE: self.get_extra_state(), **state_dict}, strict, assign)
