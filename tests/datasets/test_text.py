import numpy as np
import pytest

from nasbench.datasets.text import ALPHABET, LINEAR_CONTEXT, Text, TextData, encode
from nasbench.errors import InputError
from nasbench.tasks.classification import IGNORED
from nasbench.testing import check_dataset
from nasbench.testing.dataset import check_data
from nasbench.training.linear_baseline import linear_accuracy

DATA = Text(train=300, validation=100, test=100).load()


def test_encoding_by_hand():
    text = "Zwölf\n  (12)\tBOXES!"
    assert "".join(ALPHABET[i] for i in encode(text)) == "zw?lf (00) boxes?"


def test_what_is_shown_and_what_is_wanted_by_hand():
    tokens = np.array([[1, 2, 3, 4]])
    hidden = np.array([[False, True, False, True]])
    rows = np.array([0])
    data = TextData(tokens, hidden, dict.fromkeys(("train", "validation", "test"), rows), 9)
    shown, wanted = data.tensors("cpu")["train"]
    assert shown.tolist() == [[1, 9, 3, 9]]
    assert wanted.tolist() == [[IGNORED, 2, IGNORED, 4]]
    x, y = data.flat()
    seen = x.reshape(2 * LINEAR_CONTEXT, -1).argmax(axis=1) - 1  # -1: outside of the window; 9: hidden
    assert seen.tolist() == [-1, -1, 1, 3, 9, -1]
    assert y.tolist() == [2]


def test_contract():
    check_dataset(Text(train=50, validation=20, test=20))


def test_parts_are_stretches_of_the_text_and_hide_equally_much():
    assert [len(rows) for rows in DATA.splits.values()] == [300, 100, 100]
    assert DATA.splits["validation"].min() == 1 + DATA.splits["train"].max()
    assert (DATA.hidden.sum(axis=1) == round(0.15 * 32)).all()
    assert len(np.unique(DATA.tokens, axis=0)) == len(DATA)
    assert DATA.hidden.mean(axis=0).min() > 0.1 and DATA.hidden.mean(axis=0).max() < 0.25  # at every place alike


def test_it_is_english():
    characters = np.bincount(DATA.tokens.ravel(), minlength=len(ALPHABET)) / DATA.tokens.size
    assert ALPHABET[characters.argmax()] == " "
    assert set(np.array(list(ALPHABET))[np.argsort(-characters)][1:5]) & set("etaoin") >= {"e", "t"}


def test_a_linear_model_knows_something():
    found = linear_accuracy(Text().load())
    assert found is not None and found["validation"] > 25


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"train": 0}, "train must be a whole number of at least 1"),
        ({"length": 3}, "length must be a whole number of at least 4"),
        ({"length": 8.5}, "length must be a whole number"),
        ({"hidden": 1.0}, "hidden must be a number between 0 and 1"),
        ({"length": 10**30}, "the text has 0 windows of 10+ characters"),
        ({"train": 10**7}, "windows of 32 characters, and 10001000 were asked for"),
    ],
)
def test_refused_settings(settings, message):
    with pytest.raises(InputError, match=message):
        Text(**settings).load()


def test_faults_in_the_data_are_found():
    nothing = TextData(DATA.tokens, np.zeros_like(DATA.hidden), DATA.splits, DATA.vocabulary)
    with pytest.raises(AssertionError, match="a window hides nothing"):
        check_data(nothing)
    with pytest.raises(AssertionError, match="a token is none of 3"):
        check_data(TextData(DATA.tokens, DATA.hidden, DATA.splits, 3))
