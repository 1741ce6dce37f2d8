"""Pretrained transformers: with made-up packages, and with the real ones where they are, with random weights."""

import inspect
import sys
from dataclasses import asdict
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from sklearn.linear_model import BayesianRidge

from nasbench.errors import FileError, InputError, MissingExtraError
from nasbench.predictors import Inputs, Predictor, predictors
from nasbench.predictors.in_context import MIN_STD, STDS_APART, InContext
from nasbench.predictors.tabicl import TabICL
from nasbench.predictors.tabpfn import TabPFN
from nasbench.spaces import spaces
from nasbench.testing import check_predictor

SPACE = spaces.create("nb201")
NAMES = ("tabpfn", "tabicl")


class Line:
    """What stands for a transformer: a linear function, with intervals of its uncertainty."""

    def fit(self, x, y):
        self.line_ = BayesianRidge().fit(x, y)
        return self

    def told(self, x, levels):
        mean, std = self.line_.predict(x, return_std=True)
        return mean.astype(np.float32), [mean + std * STDS_APART * (level - 0.5) / 0.9 for level in levels]


class TabPFNRegressor(Line):
    def __init__(
        self, *, n_estimators="auto", model_path="auto", device="auto", ignore_pretraining_limits=False, random_state=0
    ):
        assert Path(model_path).is_file()

    def predict(self, X, *, output_type="mean", quantiles=None):
        assert output_type == "main"
        mean, drawn = self.told(X, quantiles)
        return {"mean": mean, "median": mean, "mode": mean, "quantiles": drawn}


class TabICLRegressor(Line):
    def __init__(self, n_estimators=8, model_path=None, allow_auto_download=True, device=None, random_state=42):
        assert Path(model_path).is_file()
        assert not allow_auto_download

    def predict(self, X, output_type="mean", alphas=None):
        assert output_type == ["mean", "quantiles"]
        mean, drawn = self.told(X, alphas)
        return {"mean": mean, "quantiles": np.stack(drawn, axis=1)}


FAKES = {"tabpfn": TabPFNRegressor, "tabicl": TabICLRegressor}


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Packages of the same interface."""
    for name, regressor in FAKES.items():
        module = ModuleType(name)
        setattr(module, regressor.__name__, regressor)
        monkeypatch.setitem(sys.modules, name, module)


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    (tmp_path / "weights").write_bytes(b"made up")
    return tmp_path / "weights"


def known(n: int) -> tuple[Inputs, np.ndarray]:
    inputs = Inputs.of(SPACE, SPACE.sample(n, np.random.default_rng(0)))
    return inputs, SPACE.features(inputs.genotypes, "counts") @ np.arange(7.0)


@pytest.mark.parametrize("name", NAMES)
def test_the_contract(name: str, installed: None, weights: Path) -> None:
    check_predictor(predictors.create(name, weights=str(weights)), SPACE)


class ByHand(InContext):
    """A predicted distribution that is known: mean 1, and quantiles 2 standard deviations of a normal apart."""

    source = "nowhere"

    def _regressor(self, weights):
        return Line()

    def _distribution(self, x):
        mean = np.ones(len(x), dtype=np.float32)
        return mean, mean - STDS_APART, mean + STDS_APART


def test_the_deviation_is_that_of_a_normal_distribution_with_the_same_interval_by_hand(weights: Path) -> None:
    inputs, y = known(10)
    mean, std = ByHand(str(weights)).fit(inputs, y).predict_transformed(inputs)
    assert mean.tolist() == [1] * 10
    assert std == pytest.approx(np.full(10, 2.0))
    assert pytest.approx(2 * 1.6448536) == STDS_APART


def test_nothing_varies_and_nothing_is_asked(weights: Path) -> None:
    inputs, _ = known(10)
    mean, std = ByHand(str(weights)).fit(inputs, np.full(10, 7.0)).predict_transformed(inputs)
    assert (mean == 0).all()
    assert (std == MIN_STD).all()
    same = Inputs.of(SPACE, np.zeros((4, 6), dtype=np.int8))
    mean, std = ByHand(str(weights)).fit(same, np.array([1.0, 1.0, 3.0, 3.0])).predict(same)
    assert mean == pytest.approx(np.full(4, 2.0), abs=0.5)
    assert (std > 0.5).all()


@pytest.mark.parametrize("name", NAMES)
def test_a_package_that_is_absent_is_named(name: str, weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(
        MissingExtraError, match=rf"predictor {name} needs its package: pip install 'nasbench\[{name}\]'"
    ):
        predictors.create(name, weights=str(weights)).fit(*known(10))


@pytest.mark.parametrize("kind", [TabPFN, TabICL])
def test_weights_that_are_absent_are_asked_for(kind: type[InContext], installed: None, tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=rf"{kind.__name__} reads pretrained weights, and none are named; get them from "
    ):
        kind().fit(*known(10))
    with pytest.raises(InputError, match=r"and '.*absent' is no file; get them from .*, and pass weights=PATH"):
        kind(str(tmp_path / "absent")).fit(*known(10))


def test_other_weights_are_noticed_when_a_file_is_loaded(installed: None, weights: Path, tmp_path: Path) -> None:
    inputs, y = known(20)
    fitted = TabPFN(str(weights)).fit(inputs, y)
    fitted.save(tmp_path / "saved")
    again = Predictor.load(tmp_path / "saved").predict(inputs)
    assert all(map(np.array_equal, again, fitted.predict(inputs)))
    weights.write_bytes(b"others")
    with pytest.raises(FileError, match="holds other weights than at the fit; bring those back, or fit again"):
        Predictor.load(tmp_path / "saved")


@pytest.mark.parametrize("name", NAMES)
def test_the_packages_take_what_is_passed(name: str) -> None:
    """The made-up classes have the names, and a subset of the parameters, of the installed ones."""
    package, fake = pytest.importorskip(name), FAKES[name]
    real = getattr(package, fake.__name__)
    for method in ("__init__", "fit", "predict"):
        ours, theirs = (inspect.signature(getattr(cls, method)).parameters for cls in (fake, real))
        assert {*ours} - {"x", "y", "X"} <= {*theirs}, method
        assert [n.lower() for n in list(ours)[:2]] == [n.lower() for n in list(theirs)[:2]] or method == "__init__"


def tabicl_weights(path: Path) -> None:
    """A small network with random weights."""
    model = pytest.importorskip("tabicl._model.tabicl")
    sizes = {"num_quantiles": 21, "embed_dim": 16, "col_num_inds": 4, "row_num_cls": 2}
    blocks = {f"{part}_num_blocks": 1 for part in ("col", "row", "icl")} | {
        f"{p}_nhead": 2 for p in ("col", "row", "icl")
    }
    config = {"max_classes": 0, **sizes, **blocks}
    torch.save({"config": config, "state_dict": model.TabICL(**config).state_dict()}, path)


def tabpfn_weights(path: Path) -> None:
    """A small network of the second version with random weights."""
    kind = pytest.importorskip("tabpfn.architectures.tabpfn_v2")
    bars = pytest.importorskip("tabpfn.architectures.shared.bar_distribution")
    config, _ = kind.parse_config({"emsize": 24, "nlayers": 1, "nhead": 2, "max_num_classes": 0, "num_buckets": 50})
    criterion = bars.FullSupportBarDistribution(torch.linspace(-3, 3, 51)).state_dict()
    state = {**kind.get_architecture(config).state_dict(), **{f"criterion.{k}": v for k, v in criterion.items()}}
    torch.save({"state_dict": state, "config": asdict(config), "architecture_name": "tabpfn_v2"}, path)


@pytest.mark.parametrize(("name", "write"), [("tabpfn", tabpfn_weights), ("tabicl", tabicl_weights)])
def test_the_contract_with_the_package_and_random_weights(name: str, write, tmp_path: Path) -> None:
    pytest.importorskip(name)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        write(tmp_path / "weights.ckpt")
    predictor = predictors.create(name, weights=str(tmp_path / "weights.ckpt"), members=2, features="counts")
    check_predictor(predictor, SPACE, learns=False, n=10)
