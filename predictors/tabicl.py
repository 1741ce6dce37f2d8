"""TabICL: a transformer that reads tables column by column and row by row, as context (Qu et al., 2025, ICML)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nasbench.errors import MissingExtraError
from nasbench.predictors.in_context import LEVELS, InContext
from nasbench.types import FloatArray


class TabICL(InContext):
    """The regressor of the package tabicl."""

    source = "jingang/TabICL on the Hugging Face Hub"

    def _regressor(self, weights: Path) -> Any:
        try:
            from tabicl import TabICLRegressor
        except ImportError as error:
            raise MissingExtraError("the predictor tabicl needs its package: pip install 'nasbench[tabicl]'") from error
        return TabICLRegressor(
            n_estimators=self.members,
            model_path=str(weights),
            allow_auto_download=False,
            device=self.device,
            random_state=self.seed,
        )

    def _distribution(self, x: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        told = self.regressor_.predict(x, output_type=["mean", "quantiles"], alphas=list(LEVELS))
        return told["mean"], told["quantiles"][:, 0], told["quantiles"][:, 1]
