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
        "freeze-thaw": "nasbench.search.freeze_thaw:FreezeThaw",
        "dehb": "nasbench.search.dehb:DEHB",
        "nsga2": "nasbench.search.nsga2:NSGA2",
        "ranked-evolution": "nasbench.search.ranked_evolution:RankedEvolution",
        "parego": "nasbench.search.parego:ParEGO",
        "qlogehvi": "nasbench.search.qlogehvi:QLogEHVI",
        "darts": "nasbench.search.darts:DARTS",
        "gdas": "nasbench.search.gdas:GDAS",
        "pc-darts": "nasbench.search.pc_darts:PCDARTS",
        "drnas": "nasbench.search.drnas:DrNAS",
        "oneshot": "nasbench.search.oneshot:OneShot",
        "gradient": "nasbench.search.gradient:GradientAscent",
        "bayesian": "nasbench.search.bayesian:BayesianOptimisation",
        "auto": "bayesian+predictor=gp-wl",
        "bananas": "bayesian+predictor=gnn+acquisition=its+interval=10",
        "npenas": "bayesian+predictor=gnn+acquisition=mean+interval=20",
        "nas-bowl": "bayesian+predictor=gp-wl+acquisition=ei+interval=5",
        "bayesian-gp": "bayesian+predictor=gp",
        "bayesian-xgb": "bayesian+predictor=xgb+interval=10",
        "bayesian-gnn": "bayesian+predictor=gnn+interval=10",
        "optuna": "nasbench.search.outside.optuna:OptunaSampler",
        "nevergrad": "nasbench.search.outside.nevergrad:NevergradOptimiser",
        "pymoo": "nasbench.search.outside.pymoo:PymooAlgorithm",
        "smac": "nasbench.search.outside.smac:SMAC",
        "tpe": "optuna+sampler=tpe",
    },
)

__all__ = ["Outcome", "Problem", "Strategy", "Trial", "strategies"]
