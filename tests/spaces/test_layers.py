import pytest
import torch
from torch import nn

from nasbench.spaces.layers import (
    FactorizedReduction,
    GlobalAverage,
    ResidualReduction,
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
    """One convolution sees the pixels of even row and column, the other the ones below and to the right of them."""
    reduction = FactorizedReduction(1, 2).eval()
    for convolution, weight in ((reduction.first, 1.0), (reduction.second, 10.0)):
        convolution.weight.data.fill_(weight)
    image = torch.tensor([[[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, -8.0, -9.0]]]])
    scale = (1 + reduction.norm.eps) ** -0.5
    even, odd = reduction(image)[0] / scale
    assert even.round(decimals=4).tolist() == [[1.0, 3.0], [7.0, 0.0]]
    assert odd.round(decimals=4).tolist() == [[50.0, 0.0], [0.0, 0.0]]


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
