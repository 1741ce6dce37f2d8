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


@given(st.text(), st.integers(0, 10**4))
def test_messages_of_errors_are_one_line_of_a_length_that_can_be_read(text: str, times: int) -> None:
    """Whoever raises them, and whatever foreign text they quote."""
    for error in (InputError(text * times), NasbenchError(text, text * times)):
        assert "\n" not in str(error)
        assert len(str(error)) < MOST_OF_LINE + 40
