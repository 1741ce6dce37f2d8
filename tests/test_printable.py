"""Foreign text in messages."""

from hypothesis import given
from hypothesis import strategies as st

from nasbench.errors import InputError, NasbenchError
from nasbench.printable import MOST, MOST_OF_LINE, brief, printable


@given(st.text(), st.integers(0, 30))
def test_what_is_shown_prints_and_is_short(text: str, most: int) -> None:
    shown = printable(text, most)
    assert shown.isprintable()
    assert len(shown) <= 10 * most + len(f"... ({len(text):,} characters)")
    assert printable(shown) == shown


@given(st.text(alphabet=st.characters(categories=["L", "N", "P", "S"])))
def test_text_that_prints_stays(text: str) -> None:
    assert printable(text) == text


@given(st.recursive(st.text() | st.integers() | st.binary(), st.lists, max_leaves=60))
def test_values_are_brief(value: object) -> None:
    assert brief(value).isprintable()
    assert len(brief(value)) < 10 * MOST + 60


VALUES = st.recursive(
    st.none() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9) | st.binary(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=3), inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.frozensets(st.integers(), max_size=3)
    ),
    max_leaves=8,
)


@given(VALUES)
def test_short_values_are_shown_as_python_shows_them(value: object) -> None:
    if len(repr(value)) <= MOST:
        assert brief(value) == printable(repr(value))
    else:
        assert brief(value).startswith(printable(repr(value)[: MOST // 2]))


def test_values_of_any_size_are_shown_at_once() -> None:
    """Each of these would take more memory than there is, or is refused by `repr`."""
    doubled: object = ("a",)
    nested: object = []
    for _ in range(5000):
        doubled, nested = (doubled, doubled), [nested]
    for value, shown in (
        (doubled, "(((((("),
        ({"x": doubled}, "{'x': ((((("),
        (nested, "[[[[[["),
        (10**10_000, "an integer of 33,220 bits"),
        ([-(10**10_000)], "[an integer of 33,220 bits]"),
        ("\x1b[2J" * 10**6, "'\\\\x1b[2J"),
    ):
        assert brief(value).startswith(shown.replace("\\\\", "\\"))
        assert len(brief(value)) < 2 * MOST


@given(st.text(), st.integers(0, 10**4))
def test_messages_of_errors_are_one_line_of_a_length_that_can_be_read(text: str, times: int) -> None:
    """Whoever raises them, and whatever foreign text they quote."""
    for error in (InputError(text * times), NasbenchError(text, text * times)):
        assert "\n" not in str(error)
        assert len(str(error)) < MOST_OF_LINE + 40
