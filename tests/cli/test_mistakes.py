"""A mistake is one line on standard error with exit status 2, and leaves nothing behind."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

MISTAKES = [
    (["query", "{file}", "|nonsense~0|"], "nonsense"),
    (["query", "{file}", "0,1,2"], "as numbers it has 6, got 3"),
    (["query", "{file}", "0,1,2,3,4,5"], "position 5 is 5"),
    (["query", "{file}", "{cell}", "--metric", "accuracy"], "toy/validation_accuracy"),
    (["query", "{file}", "{cell}", "--metric", "test_accuracy", "--epoch", "99"], "99"),
    (["query", "{file}", "{cell}", "--metric", "test_accuracy", "--epoch", "many"], "whole number"),
    (["query", "{file}", "{cell}", "--metric", "test_accuracy", "--seed", "777"], "777"),
    (["query", "{file}", "\u00b2,1,1,1,1,1"], "expected a cell of nb201"),
    (["query", "{file}", "1,1,1,1,-1,1"], "position 4 is -1"),
    (["query", "{file}"], "Missing argument 'ARCH'; see nasbench query --help"),
    (["qeury", "{file}"], "No such command 'qeury'"),
    (["info", "{file}", "--jsn", "x"], "No such option"),
    (["info", "{file}", "--json", "{file}"], "would be replaced"),
    (["info", "{file}", "--json", "/dev/null"], "not a regular file"),
    (["info", "{file}", "--json", "{folder}/circle"], "leads in a circle"),
    (["info", "{file}", "--json", "{folder}/circle/file"], "no writable folder"),
    (["report", "{file}", "--out", "{folder}/circle"], "leads in a circle"),
    (["build", "--out", "{folder}/circle/b.h5"], "Too many levels of symbolic links"),
    (["info", "{folder}/circle"], "circle"),
    (["info", "{folder}/none.h5"], "none.h5"),
    (["info", "{folder}/text.h5"], "text.h5"),
    (["info", "{folder}/cut.h5"], "cut.h5"),
    (["verify", "{folder}/cut.h5"], "cut.h5"),
    (["info", "{folder}/pipe"], "is a pipe"),
    (["evaluate", "{file}", "--predictors", "rigde"], "did you mean 'ridge'"),
    (["evaluate", "{file}", "--predictors", "ridge", "--train-sizes", "10,x"], "whole number"),
    (["evaluate", "{file}", "--predictors", "ridge", "--train-sizes", "1000"], "exceeds"),
    (["evaluate", "{file}", "--json", "{folder}/no/such/folder/x.json"], "no writable folder"),
    (["evaluate", "{file}", "--seed", "-1"], "Invalid value for '--seed'"),
    (["evaluate", "{file}", "--patience", "0"], "patience must be a number above 0, got 0"),
    (["evaluate", "{file}", "--address", "auto"], "--address needs the engine ray"),
    (["evaluate", "{file}", "--engine", "ray", "--patience", "9"], "leave it out with --engine ray"),
    (["evaluate", "{file}", "--tune-trials", "0"], "Invalid value for '--tune-trials'"),
    (["compare", "{file}", "--strategies", "random"], "nasbench surrogate"),
    (["compare", "{file}", "--strategies", "randon"], "did you mean 'random'"),
    (["compare", "{file}", "--metric", "test_accuracy"], "validation"),
    (["compare", "{file}", "--evaluations", "3", "--seconds", "3"], "one of them"),
    (["compare", "{file}", "--address", "auto"], "--address needs the engine ray"),
    (["compare", "{file}", "--engine", "ray", "--patience", "9"], "leave it out with --engine ray"),
    (["compare", "{file}", "--guide", "test_accuracy@9"], "has no seed 9"),
    (["compare", "{file}", "--judge", "test_accuracy@one"], "seeds are written METRIC@0,1"),
    (["compare", "{file}", "{file}", "--strategies", "random"], "two tables are named"),
    (["surrogate", "{file}", "--predictor", "gp", "--out", "{folder}"], "is a folder"),
    (["surrogate", "{file}", "--predictor", "nobody", "--out", "{folder}/s.h5"], "unknown predictor"),
    (["surrogate", "{file}", "--out", "{file}"], "would be replaced"),
    (["surrogate", "{file}", "--seed", "-1", "--out", "{folder}/s.h5"], "Invalid value for '--seed'"),
    (["report", "{folder}/text.h5", "--out", "{folder}/r.html"], "text.h5"),
    (["report", "{file}", "--out", "{file}"], "would be replaced"),
    (["build", "--space", "nb999", "--out", "{folder}/b.h5"], "unknown space"),
    (["build", "--dataset", "digitz", "--out", "{folder}/b.h5"], "did you mean 'digits'"),
    (["build", "--device", "cuda:77", "--out", "{folder}/b.h5"], "cuda:77"),
    (["build", "--gpus", "0.5", "--out", "{folder}/b.h5"], "add --engine ray"),
    (["build", "--address", "auto", "--out", "{folder}/b.h5"], "add --engine ray"),
    (["build", "--cells", "20000", "--out", "{folder}/b.h5"], "15625"),
    (["build", "--out", "{folder}/no/b.h5"], "no"),
    (["build", "--space", "nb201", "--dataset", "nothing", "--out", "{folder}/b.h5"], "unknown data set"),
    (["import", "cvs", "{folder}/text.h5", "--out", "{folder}/b.h5"], "did you mean 'csv'"),
    (["import", "csv", "{folder}/text.h5", "--out", "{folder}/b.h5"], "Missing option '--space'"),
    (
        ["import", "csv", "{folder}/no.csv", "--space", "nb201", "--column", "a=b", "--out", "{folder}/b.h5"],
        "no file",
    ),
    (["merge", "{file}", "--out", "{folder}/b.h5"], "at least two tables"),
    (["merge", "{file}", "{file}", "--out", "{folder}/b.h5"], "each with a name of its own"),
    (["merge", "{file}", "{folder}/cut.h5", "--out", "{folder}/b.h5"], "cut.h5"),
    (["merge", "{file}", "{file}", "--out", "{file}"], "would be replaced"),
    (["merge", "{file}", "{file}", "--out", "{folder}/b.h5", "--json", "{folder}/./b.h5"], "would be replaced"),
    (["compare", "{file}", "--json", "/dev/null"], "not a regular file"),
    (["evaluate", "{file}", "--train-sizes", ""], "whole number"),
    (["evaluate", "{file}", "--leave-out", ""], "expected names"),
    (["evaluate", "{file}", "--split", "random", "--leave-out", "all"], "give one of them"),
    (["evaluate", "{file}", "--split", "tagates", "--test-size", "9"], "--split tagates tests on all that is held out"),
    (["evaluate", "{file}", "--leave-out", "all", "--test-size", "9"], "--leave-out tests on all that is held out"),
    (["evaluate", "{file}", "--split", "published"], "no split that its source publishes"),
    (["merge", "{file}", "{file}", "--by", "function", "--out", "{folder}/b.h5"], "'key', 'genotype'"),
    (["demo", "--out", "{folder}/text.h5/demo"], "--out"),
]


@pytest.mark.parametrize(("arguments", "part"), MISTAKES, ids=lambda value: " ".join(value)[:60] if value else None)
def test_a_mistake_is_one_line(
    table_file: Path,
    cell: str,
    run: Callable[..., int],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    part: str,
) -> None:
    (tmp_path / "text.h5").write_text("this is no HDF5 file")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "circle").symlink_to("circle")
    (tmp_path / "cut.h5").write_bytes(table_file.read_bytes()[:-1000])
    before = sorted(os.listdir(tmp_path))
    filled = [a.format(file=table_file, folder=tmp_path, cell=cell) for a in arguments]
    assert run(*filled) == 2
    error = capsys.readouterr().err
    assert error.startswith("nasbench: ")
    assert error.count("\n") == 1, error
    assert part in error
    assert sorted(os.listdir(tmp_path)) == before


LEAVES = '''"""A predictor that ends the process, and says that all went well."""
import sys
from nasbench.predictors.ridge import Ridge

class Leaves(Ridge):
    def _fit(self, inputs, z):
        sys.exit(0)
'''


@pytest.mark.parametrize(
    ("words", "module"),
    [
        ("build --space", "leaves_early"),
        ("build --dataset", "leaves_early"),
        ("surrogate nb201-mnist5k --predictor", "leaves_early"),
        ("surrogate nb201-mnist5k --predictor", "leaves"),
    ],
)
def test_code_of_ones_own_that_ends_the_process_is_named(
    words: str,
    module: str,
    run: Callable[..., int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "leaves.py").write_text(LEAVES)
    (tmp_path / "leaves_early.py").write_text("import sys\nsys.exit(0)\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, module, raising=False)
    assert run(*words.split(), f"{module}:Leaves", "--out", "out.h5") == 2
    error = capsys.readouterr().err
    assert f"SystemExit: 0 ({module}.py, line " in error and error.count("\n") == 1
    assert {path.suffix for path in tmp_path.iterdir()} <= {".py", ""}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--workers", "0"], "the number of workers must be a whole number of at least 1, got 0"),
        (["--workers", "1,-1"], "the speed of a worker is a positive number, got -1.0"),
        (["--workers", "many"], "workers are a number, or their speeds separated by commas"),
        (["--evaluations", "9", "--epochs-budget", "9"], "three budgets; give one of them"),
        (["--metric", "validation_accuracy", "--metric", "validation_accuracy"], "is named twice; name each once"),
        (["--metric", "test_accuracy"], "a search is guided by a validation metric"),
        (["--limit", "parameters"], "a limit is written METRIC<=NUMBER or METRIC>=NUMBER, got 'parameters'"),
        (["--limit", "flops<=3"], "'flops' is not one static metric of this benchmark"),
        (["--score", "free"], "Invalid value for '--score'"),
        (["--patience", "nan"], "patience must be a number above 0, got nan"),
    ],
)
def test_mistakes_of_compare(surrogate_file, run, capsys, arguments, message):
    assert run("compare", surrogate_file, "--strategies", "random", "--repeats", 1, "--jobs", 1, *arguments) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1


@pytest.mark.parametrize(
    ("features", "message"),
    [
        ("default/flops", "'flops' is not one static metric of this benchmark; it has (none)"),
        ("default/test_accuracy", "comes of training, so it is not known before"),
        ("default/curve@99", "name fewer epochs"),
        ("default/curve@x", "a partial curve is written curve@EPOCHS"),
    ],
)
def test_mistakes_of_features(table_file, run, capsys, features, message):
    predictor = f"ridge+features={features}"
    assert run("evaluate", table_file, "--predictors", predictor, "--train-sizes", "10", "--jobs", 1) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1
