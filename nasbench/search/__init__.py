"""Search strategies and the referee that runs and compares them in simulated time."""

from nasbench.registry import Registry
from nasbench.search.base import Strategy, Trial

strategies: Registry[Strategy] = Registry(
    "strategy",
    "nasbench.search.base:Strategy",
    {
        "random": "nasbench.search.random:RandomSearch",
        "local": "nasbench.search.local:LocalSearch",
        "evolution": "nasbench.search.evolution:RegularisedEvolution",
        "reinforce": "nasbench.search.reinforce:Reinforce",
        "bayesian": "nasbench.search.bayesian:BayesianOptimisation",
        "bayesian-gp": "bayesian+predictor=gp",
        "bayesian-xgb": "bayesian+predictor=xgb",
        "bayesian-gnn": "bayesian+predictor=gnn",
    },
)

__all__ = ["Strategy", "Trial", "strategies"]
