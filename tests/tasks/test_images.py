import math

import pytest
import torch

from nasbench.errors import InputError
from nasbench.tasks import Task, tasks
from nasbench.tasks.classification import IGNORED
from nasbench.tasks.images import ImageClassification

THREE = ImageClassification((1, 2, 2), 3)


def test_loss_and_accuracy_by_hand(rounding):
    """Logits (ln 2, 0, 0) give the probabilities (1/2, 1/4, 1/4)."""
    logits = torch.tensor([[math.log(2), 0, 0]]).repeat(4, 1)
    targets = torch.tensor([0, 0, 1, IGNORED])
    loss = THREE.loss(logits, targets)
    near = rounding(20, "float32")  # three exponentials, a logarithm, a mean
    assert loss.item() == pytest.approx((2 * math.log(2) + math.log(4)) / 3, rel=near)
    tally = THREE.tally()
    tally.add(logits, targets, loss)
    assert tally.result() == pytest.approx((100 * 2 / 3, loss.item()), rel=near)


def test_batches_count_by_what_is_in_them(rounding):
    torch.manual_seed(0)
    logits, targets = torch.randn(7, 3), torch.tensor([0, 1, 2, IGNORED, 0, 1, 2])
    whole, parts = THREE.tally(), THREE.tally()
    whole.add(logits, targets, THREE.loss(logits, targets))
    for rows in (slice(0, 4), slice(4, 5), slice(5, 7)):
        parts.add(logits[rows], targets[rows], THREE.loss(logits[rows], targets[rows]))
    assert parts.result() == pytest.approx(whole.result(), rel=rounding(20, "float32"))  # sums of 6 losses


@pytest.mark.parametrize("name", list(tasks))
def test_every_task_takes_what_it_makes(name):
    task = tasks.resolve(name)[0].small()
    assert task.name == name
    assert len(task.inputs(3)) == len(task.targets(3)) == 3
    assert torch.equal(task.inputs(3), task.inputs(3))
    assert torch.equal(task.targets(3), task.targets(3))
    assert type(task).expect(task) is task


def test_answers_of_another_form_are_named():
    with pytest.raises(AssertionError, match=r"gives logits of shape \(2, 4\), expected \(2, 3\)"):
        THREE.check(torch.zeros(2, 4), 2)
    with pytest.raises(AssertionError, match="gives logits that are not finite"):
        THREE.check(torch.full((2, 3), math.nan), 2)
    with pytest.raises(AssertionError, match="returns list, not logits"):
        THREE.check([torch.zeros(2, 3)], 2)
    THREE.check(torch.zeros(2, 3), 2)


def test_a_network_for_another_task_is_refused():
    class Other(ImageClassification):
        name = "other"

    task: Task = THREE
    with pytest.raises(InputError, match="made for other, not for image_classification; take a data set of that task"):
        Other.expect(task)
