"""JSON without names that occur twice."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nasbench.strict_json import loads

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
)


@pytest.mark.parametrize(
    "content", ['{"a": 1, "a": 1}', b'[{"b": {"a": 1, "b": 2, "a": 3}}]', '{"a": 1, "\\u0061": 2}']
)
def test_a_name_twice_is_refused(content: str | bytes) -> None:
    with pytest.raises(ValueError, match="a name occurs twice in one object"):
        loads(content)


def test_one_name_in_two_objects_is_fine() -> None:
    assert loads(b'{"a": {"a": [1, {"a": null}]}}') == {"a": {"a": [1, {"a": None}]}}


@given(values)
def test_what_was_written_is_read(value: object) -> None:
    assert loads(json.dumps(value)) == value
