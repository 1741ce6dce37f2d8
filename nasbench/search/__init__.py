"""Search strategies: what authors write, and those of the field."""

from nasbench.registry import Registry
from nasbench.search.base import Outcome, Strategy, Trial
from nasbench.search.problem import Problem

strategies: Registry[Strategy] = Registry(
    "strategy",
    "nasbench.search.base:Strategy",
    {
        "random": "nasbench.search.random:RandomSearch",
        "enumeration": "nasbench.search.enumeration:Enumeration",
        "static": "nasbench.search.static:BestStatic",
        "local": "nasbench.search.local:LocalSearch",
        "annealing": "nasbench.search.annealing:SimulatedAnnealing",
        "tabu": "nasbench.search.tabu:TabuSearch",
        "evolution": "nasbench.search.evolution:RegularisedEvolution",
        "genetic": "nasbench.search.genetic:GeneticAlgorithm",
        "differential": "nasbench.search.differential:DifferentialEvolution",
        "reinforce": "nasbench.search.reinforce:Reinforce",
        "ppo": "nasbench.search.ppo:PPO",
        "controller": "nasbench.search.controller:Controller",
        "halving": "nasbench.search.halving:SuccessiveHalving",
        "hyperband": "nasbench.search.hyperband:Hyperband",
        "asha": "nasbench.search.asha:ASHA",
        "asha-stopping": "nasbench.search.asha_stopping:StoppingASHA",
        "pasha": "nasbench.search.pasha:PASHA",
        "bohb": "nasbench.search.bohb:BOHB",
        "dehb": "nasbench.search.dehb:DEHB",
        "nsga2": "nasbench.search.nsga2:NSGA2",
        "ranked-evolution": "nasbench.search.ranked_evolution:RankedEvolution",
        "parego": "nasbench.search.parego:ParEGO",
        "bayesian": "nasbench.search.bayesian:BayesianOptimisation",
        "bayesian-gp": "bayesian+predictor=gp",
        "bayesian-xgb": "bayesian+predictor=xgb",
        "bayesian-gnn": "bayesian+predictor=gnn",
    },
)

__all__ = ["Outcome", "Problem", "Strategy", "Trial", "strategies"]
