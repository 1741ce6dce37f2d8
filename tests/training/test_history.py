import numpy as np

from nasbench.tasks.images import ImageClassification
from nasbench.training.history import History, curve_names

TASK = ImageClassification((2, 4, 4), 3)


def test_a_history_knows_its_curves():
    history = History(curve_names(TASK), np.arange(14.0).reshape(7, 2))
    assert history["train_accuracy"].tolist() == [0, 1]
    assert history["train_seconds"].tolist() == [12, 13]
