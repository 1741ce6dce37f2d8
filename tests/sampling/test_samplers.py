"""The contract of all samplers, and each of them by hand on enumerable spaces."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

from nasbench.errors import FileError, InputError, NasbenchError
from nasbench.sampling import samplers
from nasbench.sampling.cost import CostStrata
from nasbench.spaces import spaces

NB201 = spaces.create("nb201")
SPECIFICATIONS = ("random", "unique", "unique+by=key", "cost+pool=40+strata=4", "exhaustive", "active+start=6+batch=4")


def score(genotypes):
    """More convolutions are better."""
    return np.isin(genotypes, (2, 3)).sum(axis=1).astype(float) + genotypes[:, 0] / 100


def run(specification, space, cells, seed=0, answer=score):
    """All rounds, with the scores that `answer` gives to all architectures so far."""
    rounds = samplers.create(specification).rounds(space, cells, np.random.default_rng(seed))
    found = next(rounds)
    sizes = [len(found)]
    while True:
        try:
            batch = rounds.send(answer(found))
        except StopIteration:
            return found, sizes
        found = np.concatenate([found, batch])
        sizes.append(len(batch))


@pytest.mark.parametrize("specification", SPECIFICATIONS)
def test_distinct_architectures_and_smaller_samples_begin_larger_ones(specification):
    many, _ = run(specification, NB201, 15)
    assert many.shape == (15, 6) and many.dtype == np.int8
    assert NB201.contains(many).all()
    assert len(np.unique(NB201.key(many))) == 15
    few, _ = run(specification, NB201, 9)
    np.testing.assert_array_equal(few, many[:9])
    np.testing.assert_array_equal(run(specification, NB201, 15)[0], many)


@pytest.mark.parametrize("specification", sorted(set(SPECIFICATIONS) - {"exhaustive"}))
def test_another_seed_is_another_sample(specification):
    assert not np.array_equal(run(specification, NB201, 15)[0], run(specification, NB201, 15, seed=1)[0])


def test_unique_yields_each_function_once():
    every, _ = run("unique", NB201, None)
    assert len(every) == 5044 == len(np.unique(NB201.function_key(every)))
    with pytest.raises(
        InputError, match=r"5045 cells were asked for, but nb201 \(by function_key\) has only 5044 distinct"
    ):
        run("unique", NB201, 5045)
    with pytest.raises(InputError, match="classes are those of 'key' or 'function_key', got 'kye'"):
        run("unique+by=kye", NB201, None)
    with pytest.raises(InputError, match="more than the 2,000,000 that are enumerated"):
        run("unique", spaces.create("darts"), 5)


def test_unique_comes_in_an_order_independent_of_the_number_of_genotypes():
    every, _ = run("unique", NB201, None)
    keys, counts = np.unique(NB201.function_key(NB201.unique()), return_counts=True)
    size = counts[np.searchsorted(keys, NB201.function_key(every))]
    assert counts.max() > 100  # random sampling would begin with these
    assert abs(spearmanr(size, np.arange(len(every))).statistic) < 4 / np.sqrt(len(every))


def test_exhaustive_is_the_space_in_order():
    np.testing.assert_array_equal(run("exhaustive", NB201, None)[0], NB201.unique())


def test_strata_of_cost_by_hand(monkeypatch):
    """Costs 1 (six times), 8 (twice) and 64: three strata of equal width in the logarithm, visited in turn."""
    pool = NB201.unique()[:9]
    monkeypatch.setattr("nasbench.sampling.unique.Unique.sample", lambda *_: pool)
    monkeypatch.setattr(CostStrata, "_costs", lambda *_: np.array([1, 1, 8, 1, 64, 1, 8, 1, 1.0]))
    found, _ = run("cost+strata=3", NB201, 9)
    np.testing.assert_array_equal(found, pool[[0, 2, 4, 1, 6, 3, 5, 7, 8]])


def test_strata_of_cost_hold_expensive_networks_as_often_as_cheap_ones():
    found, _ = run("cost+pool=64+strata=4", NB201, 16)
    cost = np.log(CostStrata()._costs(NB201, found))
    drawn = np.log(CostStrata()._costs(NB201, run("random", NB201, 16)[0]))
    assert cost.std() > drawn.std()
    large, sizes = run("cost+pool=8+strata=2+by=parameters", spaces.create("darts"), 8)
    assert spaces.create("darts").contains(large).all() and sizes == [8]


def test_a_list(tmp_path):
    texts = [NB201.to_string(genotype) for genotype in NB201.unique()[[7, 3, 7]]]
    path = tmp_path / "list.txt"
    path.write_text("# mine\n" + "\n\n".join(texts) + "\n4,3,2,1,0,0\n")
    found, _ = run(f"list+path={path}", NB201, None)
    np.testing.assert_array_equal(found, [NB201.unique()[7], NB201.unique()[3], [4, 3, 2, 1, 0, 0]])
    np.testing.assert_array_equal(run(f"list+path={path}", NB201, 2)[0], found[:2])
    with pytest.raises(InputError, match=r"4 cells were asked for, but .*list\.txt has only 3 distinct"):
        run(f"list+path={path}", NB201, 4)
    path.write_text("4,3,2,1,0,0\n4,3,2,1,0,9\n")
    with pytest.raises(InputError, match=r"line 2 of .*list\.txt: "):
        run(f"list+path={path}", NB201, None)
    path.write_text("\n# nothing\n")
    with pytest.raises(InputError, match="lists no architecture"):
        run(f"list+path={path}", NB201, None)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(FileError, match="it is not UTF-8 text"):
        run(f"list+path={path}", NB201, None)
    with pytest.raises(FileError, match=r"cannot read the list .*: No such file"):
        run(f"list+path={json.dumps(str(tmp_path / 'absent'))}", NB201, None)


def test_active_sampling_chooses_where_the_predictor_is_least_certain():
    found, sizes = run("active+start=6+batch=4+pool=200", NB201, 13)
    assert sizes == [6, 4, 3]
    from nasbench.predictors import Inputs, predictors

    model = predictors.create("gp").fit(Inputs.of(NB201, found[:6]), score(found[:6]))
    chosen = model.predict(Inputs.of(NB201, found[6:10])).std
    others = model.predict(Inputs.of(NB201, NB201.sample(200, np.random.default_rng(1)))).std
    assert chosen.min() > np.quantile(others, 0.8)
    assert (np.diff(chosen) <= 0).all()


def test_active_sampling_learns_nothing_from_failures():
    def partly(genotypes):
        values = score(genotypes)
        values[::2] = np.nan
        return values

    assert run("active+start=6+batch=4", NB201, 10, answer=partly)[1] == [6, 4]
    with pytest.raises(InputError, match="too few of the first trainings have a score"):
        run("active+start=6+batch=4", NB201, 10, answer=lambda genotypes: np.full(len(genotypes), np.nan))


@settings(max_examples=10, deadline=None)
@given(start=st.integers(1, 5), batch=st.integers(1, 5), cells=st.integers(1, 12))
def test_active_sampling_gives_as_many_as_were_asked_for(start, batch, cells):
    if start < 2 <= cells:  # too few to learn from
        return
    found, _ = run(f"active+start={start}+batch={batch}+pool=60+predictor=ridge", NB201, cells)
    assert len(found) == cells == len(np.unique(NB201.key(found)))


@pytest.mark.parametrize("specification", ["random", "active"])
def test_samplers_without_an_end_need_a_number(specification):
    with pytest.raises(InputError, match="no end"):
        run(specification, NB201, None)


@pytest.mark.parametrize(
    ("specification", "message"),
    [
        ("active+batch=0", "batch must be a whole number of at least 1, got 0"),
        ("active+pool=2+start=2", "are new, and 13 are needed"),
        ("active+predictor=gq+start=15", "unknown predictor 'gq'"),
        ("active+start=1", "gp learns from at least 2 architectures; start with more"),
        ("active+predictor=power-law", "power-law reads learning curves; active sampling knows architectures only"),
        ('active+predictor="ridge+features=default/flops"+start=4', "reads flops; active sampling knows"),
        ('active+predictor="ridge+features=totals"+start=4', "unknown encoding or column 'totals' for nb201"),
        ('active+predictor="ensemble+members=gq"+start=4', "members of an ensemble are known predictors"),
        ("list", r"sampler 'list' needs path=; write list\+path=\.\.\.$"),
        ("list+path=5", "cannot read the list 5: No such file"),
        ("cost+strata=0", "strata must be a whole number"),
        ("cost+by=latency", "cost is flops or parameters, got 'latency'"),
        ("cost+pool=4", r"pool=\) has only 4 distinct ones; ask for fewer"),
        ("randon", "did you mean 'random'"),
    ],
)
def test_what_samplers_refuse(specification, message):
    with pytest.raises(NasbenchError, match=message):
        run(specification, NB201, 15)
