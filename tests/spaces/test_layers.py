import pytest
import torch
from torch import nn

from nasbench.spaces.networks.layers import (
    FactorizedReduction,
    GlobalAverage,
    InvertedResidual,
    ResidualReduction,
    Resize,
    SqueezeExcitation,
    Zero,
    avg_pool,
    conv_bn,
    conv_bn_relu,
    head,
    relu_conv_bn,
)


def test_average_ignores_what_lies_outside():
    image = torch.tensor([[[[1.0, 2.0], [3.0, 6.0]]]])
    assert avg_pool(3)(image).tolist() == [[[[3.0, 3.0], [3.0, 3.0]]]]  # each window sees exactly the four pixels


def test_reducing_average_of_an_odd_image():
    image = torch.arange(9.0).reshape(1, 1, 3, 3)
    assert avg_pool(2, stride=2)(image).tolist() == [[[[2.0, 3.5], [6.5, 8.0]]]]  # (0+1+3+4)/4, (2+5)/2, (6+7)/2, 8


def test_order_of_relu_and_convolution():
    names = {block: [type(m).__name__ for m in block(2, 3, 3)] for block in (conv_bn, conv_bn_relu, relu_conv_bn)}
    assert names[conv_bn] == ["Conv2d", "BatchNorm2d"]
    assert names[conv_bn_relu] == ["Conv2d", "BatchNorm2d", "ReLU"]
    assert names[relu_conv_bn] == ["ReLU", "Conv2d", "BatchNorm2d"]


def test_reduction_by_hand():
    block = ResidualReduction(1, 1).eval()
    for module in block.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.zeros_(module.weight)
            module.weight.data[:, :, module.kernel_size[0] // 2, module.kernel_size[1] // 2] = 1.0  # picks the centre
        if isinstance(module, nn.BatchNorm2d):
            module.eps = 0.0
    image = torch.tensor([[[[4.0, 0.0], [0.0, 8.0]]]])
    assert block(image).tolist() == [[[[7.0]]]]  # relu(4) on the residual path + mean 3 on the shortcut


def test_head_by_hand():
    image = torch.tensor([[[[1.0, 3.0]], [[-2.0, 0.0]]]])
    assert GlobalAverage()(image).tolist() == [[2.0, -1.0]]
    logits = head(2, 1)
    logits[1].weight.data = torch.tensor([[3.0, 1.0]])
    logits[1].bias.data.zero_()
    assert logits(image).tolist() == [[5.0]]


def test_factorised_reduction_by_hand():
    """One convolution reads pixels of even row and column, the other the pixels diagonally below."""
    reduction = FactorizedReduction(1, 2).eval()
    for convolution, weight in ((reduction.first, 1.0), (reduction.second, 10.0)):
        convolution.weight.data.fill_(weight)
    image = torch.tensor([[[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, -8.0, -9.0]]]])
    scale = (1 + reduction.norm.eps) ** -0.5
    even, odd = reduction(image)[0] / scale
    assert even.round(decimals=4).tolist() == [[1.0, 3.0], [7.0, 0.0]]
    assert odd.round(decimals=4).tolist() == [[50.0, 0.0], [0.0, 0.0]]


def test_squeeze_excitation_by_hand():
    block = SqueezeExcitation(2, 1, gate=nn.Identity)
    weights = ([[1.0, -1.0]], [0.5], [[2.0], [-1.0]], [1.0, 0.0])
    for parameter, value in zip(block.parameters(), weights, strict=True):
        parameter.data = torch.tensor(value)
    image = torch.tensor([[[[1.0, 5.0]], [[1.0, 1.0]]]])
    # the means 3 and 1 make 3 - 1 + 0.5 = 2.5; the factors are 2 * 2.5 + 1 = 6 and -2.5
    assert block(image).tolist() == [[[[6.0, 30.0]], [[-2.5, -2.5]]]]
    assert block(-image).tolist() == [[[[-1.0, -5.0]], [[0.0, 0.0]]]]  # ReLU: factors 1 and 0


def test_inverted_residual_without_expansion():
    block = InvertedResidual(
        1, 1, 3, 1, expansion=1, excitation=lambda channels: nn.Conv2d(channels, channels, 1)
    ).eval()
    names = [type(module).__name__ for module in block.layers]
    assert names == ["Conv2d", "BatchNorm2d", "ReLU", "Conv2d", "Sequential"]
    values = (1.0, None, None, 2.0, 0.5)
    for module, value in zip(block.layers, values, strict=True):
        if value is not None:
            (module[0] if isinstance(module, nn.Sequential) else module).weight.data.fill_(value)
    block.layers[3].bias.data.fill_(1.0)
    image = torch.tensor([[[[1.0, 2.0], [-4.0, 3.0]]]])
    # the sum 2 of the image in each place, 2 * 2 + 1 = 5, half of it, and the image is added
    assert block(image).round(decimals=3).tolist() == [[[[3.5, 4.5], [-1.5, 5.5]]]]


def test_resize_by_hand():
    image = torch.tensor([[[[1.0, 3.0], [5.0, 7.0]]]])
    assert Resize(1.0)(image) is image
    assert Resize(0.5)(image).tolist() == [[[[4.0]]]]
    assert Resize(0.01)(image).shape == (1, 1, 1, 1)
    assert Resize(128 / 224)(torch.zeros(2, 3, 224, 112)).shape == (2, 3, 128, 64)
    assert torch.allclose(Resize(160 / 224)(torch.ones(1, 1, 8, 8)), torch.ones(1, 1, 6, 6))


@pytest.mark.parametrize("size", [1, 7, 8])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("kernel", [1, 3])
def test_every_block_gives_the_same_size(size, stride, kernel):
    image = torch.zeros(2, 3, size, size)
    expected = (2, 4, -(-size // stride), -(-size // stride))
    for block in (conv_bn, conv_bn_relu, relu_conv_bn):
        assert block(3, 4, kernel, stride)(image).shape == expected
    assert avg_pool(kernel, stride)(image).shape == (2, 3, *expected[2:])
    assert Zero(4, stride)(image).shape == expected
    if stride == 2:
        assert FactorizedReduction(3, 4)(image).shape == expected
        assert ResidualReduction(3, 4)(image).shape == expected
