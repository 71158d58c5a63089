import math

import pytest
from everybatch.metrics.numbers import hides, short


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.0000"), (-0.0, "0.0000"),
        (0.0723, "0.0723"), (1.0, "1.0000"), (-0.5, "-0.5000"), (123.4567, "123.4567"),
        (1e-9, "1.00e-09"), (-1.234e-9, "-1.2e-09"), (1e12, "1.00e+12"), (-123456.0, "-1.2e+05"),
        (0.00012, "1.20e-04"),
        (1e-300, "1.0e-300"), (math.nan, "nan"), (math.inf, "inf"), (-math.inf, "-inf"),
    ],
)  # fmt: skip
def test_a_number_is_shown_in_eight_columns(value, text):
    assert short(value, 8) == text


@pytest.mark.parametrize("value", [0.0, 1.0, 0.001, 1e-6, 5e-6, 123.0, 1e12, -1e-6, math.nan, math.inf])
def test_six_decimals_show_it(value):
    assert not hides(value, 6)


@pytest.mark.parametrize("value", [1e-9, -1e-9, 4e-7, 1.4e-6, 5e-324])
def test_six_decimals_hide_it(value):
    assert hides(value, 6)
