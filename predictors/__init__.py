"""Performance predictors: from architectures with a measured metric to a mean and a standard deviation for others."""

from nasbench.predictors.base import Prediction, Predictor
from nasbench.predictors.inputs import Inputs, Needs
from nasbench.registry import Registry

predictors: Registry[Predictor] = Registry(
    "predictor",
    "nasbench.predictors.base:Predictor",
    {
        "mean": "nasbench.predictors.mean:Mean",
        "column": "nasbench.predictors.column:SingleColumn",
        "ridge": "nasbench.predictors.ridge:Ridge",
        "gp": "nasbench.predictors.gp:GaussianProcess",
        "gp-wl": "nasbench.predictors.gp_wl:SubtreeGaussianProcess",
        "gp-deep": "nasbench.predictors.gp_deep:DeepKernel",
        "gp-unlabelled": "nasbench.predictors.gp_unlabelled:UnlabelledGP",
        "xgb": "nasbench.predictors.xgb:XGBoost",
        "hist": "nasbench.predictors.hist:HistogramBoosting",
        "forest": "nasbench.predictors.forest:Forest",
        "gnn": "nasbench.predictors.gnn:GNN",
        "tabpfn": "nasbench.predictors.tabpfn:TabPFN",
        "tabicl": "nasbench.predictors.tabicl:TabICL",
        "svr": "nasbench.predictors.svr:SVR",
        "power-law": "nasbench.predictors.power_law:PowerLaw",
        "ensemble": "nasbench.predictors.ensemble:Ensemble",
        "transfer": "nasbench.predictors.transfer:Transfer",
        "conformal": "nasbench.predictors.conformal:Conformal",
        "auto": "nasbench.predictors.stacking:Stacking",
    },
)

__all__ = ["Inputs", "Needs", "Prediction", "Predictor", "predictors"]
