"""The loss and the learning rate that a loop gives with each batch, in a form that the reporter may read later."""

from __future__ import annotations

from typing import Any

from ..late_numbers import is_elsewhere
from .link import Link
from .numbers import has_one_element, quick_number, real


def loss_of(loss: Any, link: Link | None) -> Any:
    """A tensor of a GPU on its way, a number otherwise; the first tensor tells on which device this rank trains."""
    if link is not None and not link.device_told and hasattr(loss, "device"):
        link.device_told = True
        link.on_device(str(loss.device))
    return number_kept("loss", loss, link)


def number_kept(name: str, number: Any, link: Link | None) -> Any:
    """The argument `name`: a float, or what the reporter of the link keeps of a tensor that is on its way.

    Raises `ArgumentError` for what is no number.
    """
    if (quick := quick_number(number)) is not None:
        return quick
    if is_elsewhere(number) and has_one_element(number) and not number.is_complex():
        return number if link is None else link.reporter.keep(number)
    return real(name, number)
