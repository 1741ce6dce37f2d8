"""The contracts that every space, data set, predictor and strategy keeps, as functions to run on your own."""

from nasbench.testing.dataset import check_dataset
from nasbench.testing.predictor import check_predictor
from nasbench.testing.space import check_space
from nasbench.testing.strategy import check_strategy

__all__ = ["check_dataset", "check_predictor", "check_space", "check_strategy"]
