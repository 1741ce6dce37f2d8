import math

from nasbench.benchmark.base import Metric, difference
from nasbench.report.document import flatten, format_count, format_interval, format_number, format_value, label


def test_numbers_carry_their_units() -> None:
    assert format_value(93.1234, "percent", 2) == "93.12\u00a0%"
    assert format_value(12345.0, "count") == "12,345"
    assert format_value(0.52284, "milliseconds") == "0.5228\u00a0ms"
    assert format_value(math.nan, "percent", 2) == "-"
    assert format_value(1.5, difference("percent"), 1) == "1.5\u00a0pp"
    assert difference("seconds") == "seconds"


def test_short_keeps_four_significant_digits() -> None:
    assert [format_number(v) for v in (0.0, 129306.0, 1234.56, 12.3456, 0.0123456, 1e-7)] == [
        "0",
        "129,306",
        "1,235",
        "12.35",
        "0.01235",
        "1e-07",
    ]


def test_large_numbers_are_short() -> None:
    assert format_count(15_625) == "15,625"
    assert format_count(999_999_999_999) == "999,999,999,999"
    assert format_count(1_076_746_950_455_072_400) == "1.08 * 10^18"


def test_between_states_the_interval_it_has() -> None:
    assert format_interval(0.714, 0.62, 0.79) == "0.71 [0.62,\u00a00.79]"
    assert format_interval(0.714, math.nan, math.nan) == "0.71"
    assert format_interval(math.nan, 0.1, 0.2) == "-"


def test_labels_name_the_unit_once() -> None:
    def metric(name: str, units: str) -> Metric:
        return Metric("digits", name, "none", units, "minimise", ("architecture",))

    assert label(metric("validation_accuracy", "percent")) == "validation accuracy (%)"
    assert label(metric("train_seconds", "seconds")) == "train seconds"
    assert label(metric("parameters", "count")) == "parameters"
    assert label(metric("energy", "joule")) == "energy (joule)"


def test_leaves_of_settings() -> None:
    content = {"a": {"b": 1, "c": {"d": None}}, "e": [1, 2]}
    assert flatten(content) == [("a.b", "1"), ("a.c.d", "-"), ("e", "1, 2")]


def test_between_with_three_significant_digits() -> None:
    assert format_interval(0.0123456, 0.01, 0.02, None) == "0.0123 [0.0100,\u00a00.0200]"
    assert format_interval(123.456, 100.0, 150.0, None) == "123 [100,\u00a0150]"
    assert format_interval(0.0, 0.0, 0.0, None) == "0.00 [0.00,\u00a00.00]"
