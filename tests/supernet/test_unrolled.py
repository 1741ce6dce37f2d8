"""Second-order gradients: a quadratic by hand, and finite differences."""

import torch

from nasbench.supernet.unrolled import unrolled_gradient


def test_a_quadratic_by_hand() -> None:
    """L_train = (w - a)^2 / 2 and L_val = (w - 1)^2 / 2 + 3 a: at w = 2, a = 4, rate 0.1 one step leads to 2.2.

    The gradient by a is 3 directly, and (2.2 - 1) * 0.1 through the step.
    """
    w, a = (torch.tensor([number], dtype=torch.float64, requires_grad=True) for number in (2.0, 4.0))
    (gradient,) = unrolled_gradient(
        lambda weights: ((weights[0] - a) ** 2).sum() / 2,
        lambda weights: ((weights[0] - 1) ** 2).sum() / 2 + 3 * a.sum(),
        [w],
        [a],
        0.1,
    )
    torch.testing.assert_close(gradient, torch.tensor([3.12], dtype=torch.float64))
    assert w.item() == 2
    assert w.grad is None


def test_agrees_with_differences_of_the_loss_after_a_step() -> None:
    generator = torch.Generator().manual_seed(0)
    matrix, w, a = (torch.randn(shape, generator=generator, dtype=torch.float64) for shape in ((3, 3), (3,), (3,)))
    w.requires_grad_()
    a.requires_grad_()
    rate = 0.3

    def training(weights: torch.Tensor, parameters: torch.Tensor) -> torch.Tensor:
        return (torch.tanh(matrix @ weights) * parameters.softmax(0)).sum() + (weights**2).sum()

    def validation(weights: torch.Tensor, parameters: torch.Tensor) -> torch.Tensor:
        return (weights.exp() * parameters).sum()

    def after(parameters: torch.Tensor) -> float:
        leaf = w.detach().clone().requires_grad_()
        (slope,) = torch.autograd.grad(training(leaf, parameters), leaf)
        return validation(w.detach() - rate * slope, parameters).item()

    (gradient,) = unrolled_gradient(lambda x: training(x[0], a), lambda x: validation(x[0], a), [w], [a], rate)
    step = 1e-5
    moves = step * torch.eye(3, dtype=torch.float64)
    differences = [(after(a.detach() + move) - after(a.detach() - move)) / (2 * step) for move in moves]
    torch.testing.assert_close(gradient, torch.tensor(differences, dtype=torch.float64), rtol=1e-6, atol=1e-8)


def test_what_does_not_depend_on_the_parameters_has_gradient_zero() -> None:
    w, a = (torch.ones(1, requires_grad=True) for _ in range(2))
    assert unrolled_gradient(lambda x: (x[0] ** 2).sum(), lambda x: (x[0] ** 2).sum(), [w], [a], 0.1)[0].item() == 0
