"""TabPFN: a transformer pretrained on made-up tables predicts from the training set (Hollmann et al., 2025, Nature)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nasbench.errors import MissingExtraError
from nasbench.predictors.in_context import LEVELS, InContext
from nasbench.types import FloatArray


class TabPFN(InContext):
    """The regressor of the package tabpfn. Weights have licences of their own, some of them for research only."""

    source = "Prior Labs, as tabpfn's documentation says"

    def _regressor(self, weights: Path) -> Any:
        try:
            from tabpfn import TabPFNRegressor
        except ImportError as error:
            raise MissingExtraError("the predictor tabpfn needs its package: pip install 'nasbench[tabpfn]'") from error
        return TabPFNRegressor(
            n_estimators=self.members,
            model_path=str(weights),  # which exists, or it would be downloaded
            device=self.device,
            ignore_pretraining_limits=True,
            random_state=self.seed,
        )

    def _distribution(self, x: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        told = self.regressor_.predict(x, output_type="main", quantiles=list(LEVELS))
        low, high = told["quantiles"]
        return told["mean"], low, high
