"""Transformers over characters: attention, linear transforms, span-based convolutions, encoders and decoders.

All blocks map hidden states `(b, length, width)` to hidden states of the same shape. Matrix products are explicit, so
`nasbench.measures.flops` counts them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import nn

from nasbench.errors import InputError
from nasbench.tasks.language import MaskedLanguage


def scaled(width: int, channels: int, reference: int, heads: int) -> int:
    """A published width, scaled from `reference` to `channels` channels.

    Raises:
        InputError: The result cannot be divided among the heads.
    """
    result = max(1, round(width * channels / reference))
    if result % heads:
        raise InputError(
            f"widths of these transformers are divided among {heads} heads; got {result}, from {channels} channels"
        )
    return result


class Attention(nn.Module):
    """Multi-head attention (Vaswani et al., 2017, equation 1), or weighted `softmax(q W k^T) v` (Luong et al., 2015).

    Args:
        width: Input and output width.
        heads: Number of heads.
        inner: Width of queries, keys and values over all heads.
        source: Width of the attended states; `width` if None.
        weighted: Whether a learnt matrix between query and key replaces the scale.
        causal: Whether a position attends only to itself and earlier positions.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        inner: int,
        source: int | None = None,
        weighted: bool = False,
        causal: bool = False,
    ) -> None:
        super().__init__()
        self.heads, self.causal = heads, causal
        self.query = nn.Linear(width, inner)
        self.key, self.value = (nn.Linear(source or width, inner) for _ in range(2))
        size = inner // heads
        self.weight = nn.Parameter(torch.eye(size).repeat(heads, 1, 1) / math.sqrt(size)) if weighted else None
        self.out = nn.Linear(inner, width)

    def forward(self, x: torch.Tensor, memory: torch.Tensor | None = None) -> torch.Tensor:
        """Attention of `x` `(b, length, width)` to `memory`, or to `x` itself."""
        source = x if memory is None else memory
        q, k, v = (
            part.view(*part.shape[:2], self.heads, -1).transpose(1, 2)  # (b, heads, length, size)
            for part in (self.query(x), self.key(source), self.value(source))
        )
        q = q / math.sqrt(q.shape[-1]) if self.weight is None else q @ self.weight
        score = q @ k.mT  # (b, heads, length, source)
        if self.causal:
            later = torch.ones(score.shape[-2:], dtype=torch.bool, device=x.device).triu(1)
            score = score.masked_fill(later, -torch.inf)
        result: torch.Tensor = self.out((score.softmax(dim=-1) @ v).transpose(1, 2).flatten(2))
        return result


class LinearTransform(nn.Module):
    """Real part of a Fourier transform, or a cosine transform, over positions and over the width of each head.

    As in FNet (Lee-Thorp et al., 2022), followed by a linear map over all heads. The transforms have no weights.
    """

    places: torch.Tensor
    sizes: torch.Tensor

    def __init__(self, width: int, heads: int, length: int, kind: str) -> None:
        super().__init__()
        self.heads = heads
        matrices = {"DFT": fourier, "DCT": cosine}[kind]
        self.register_buffer("places", matrices(length), persistent=False)
        self.register_buffer("sizes", matrices(width // heads), persistent=False)
        self.out = nn.Linear(width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """New hidden states."""
        parts = x.view(*x.shape[:2], self.heads, -1).transpose(1, 2)  # (b, heads, length, size)
        real, *imaginary = (a @ parts @ b.mT for a, b in zip(self.places, self.sizes, strict=True))
        mixed = real - imaginary[0] if imaginary else real
        result: torch.Tensor = self.out(mixed.transpose(1, 2).flatten(2))
        return result


def fourier(n: int) -> torch.Tensor:
    """Real and negative imaginary part of the orthonormal Fourier transform of `n` numbers; shape `(2, n, n)`."""
    angle = 2 * math.pi * torch.outer(torch.arange(n), torch.arange(n)) / n
    return torch.stack([angle.cos(), angle.sin()]) / math.sqrt(n)


def cosine(n: int) -> torch.Tensor:
    """Orthonormal cosine transform of type II of `n` numbers, one row per frequency; shape `(1, n, n)`."""
    angle = math.pi * torch.outer(torch.arange(n), torch.arange(n) + 0.5) / n
    scale = torch.full((n, 1), math.sqrt(2 / n))
    scale[0] = math.sqrt(1 / n)
    return (angle.cos() * scale)[None]


class SpanConvolution(nn.Module):
    """Dynamic span-based convolution: each position computes its kernel from its span (Jiang et al., 2020, eq. 5).

    Args:
        width: Width of the hidden states.
        heads: Number of kernels per position, each for a part of the width.
        span: Positions covered by a kernel, an odd number.
    """

    def __init__(self, width: int, heads: int, span: int) -> None:
        super().__init__()
        self.heads, self.span = heads, span
        self.query, self.value = nn.Linear(width, width), nn.Linear(width, width)
        self.around = nn.Conv1d(width, width, span, padding=span // 2, groups=width)
        self.key = nn.Linear(width, width)
        self.kernel = nn.Linear(width, heads * span)
        self.out = nn.Linear(width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """New hidden states."""
        key = self.key(self.around(x.mT).mT)
        shape = (*x.shape[:2], self.heads)
        kernel = self.kernel(self.query(x) * key).view(*shape, self.span).softmax(dim=-1)
        value = nn.functional.pad(self.value(x), (0, 0, self.span // 2, self.span // 2))
        windows = value.unfold(1, self.span, 1).reshape(*shape, -1, self.span)  # (b, length, heads, size, span)
        result: torch.Tensor = self.out((windows @ kernel[..., None]).flatten(2))
        return result


class FeedForward(nn.Sequential):
    """Two linear maps with a nonlinearity between them (Vaswani et al., 2017, equation 2)."""

    def __init__(self, width: int, inner: int, activation: type[nn.Module]) -> None:
        super().__init__(nn.Linear(width, inner), activation(), nn.Linear(inner, width))


class Residual(nn.Module):
    """A block plus its input, then layer normalisation."""

    def __init__(self, block: nn.Module, width: int) -> None:
        super().__init__()
        self.block, self.norm = block, nn.LayerNorm(width)

    def forward(self, x: torch.Tensor, *memory: torch.Tensor) -> torch.Tensor:
        """New hidden states."""
        result: torch.Tensor = self.norm(x + self.block(x, *memory))
        return result


class Embedding(nn.Module):
    """Embedding of characters and positions: tokens `(b, length)` to `(b, length, width)`."""

    def __init__(self, task: MaskedLanguage, width: int) -> None:
        super().__init__()
        self.tokens = nn.Embedding(task.vocabulary + 1, width)  # including the mask
        self.places = nn.Parameter(0.02 * torch.randn(task.length, width))
        self.norm = nn.LayerNorm(width)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Hidden states."""
        result: torch.Tensor = self.norm(self.tokens(tokens) + self.places)
        return result


class Encoder(nn.Sequential):
    """The encoder of FlexiBERT (Tuli et al., 2023): tokens `(b, length)` to logits `(b, vocabulary, length)`.

    Args:
        task: Length and vocabulary.
        width: Width of the hidden states.
        layers: Operation (as in `spaces/flexibert.py`), heads, feed-forward width, and number of stacked feed-forward
            networks of each layer.
    """

    def __init__(
        self, task: MaskedLanguage, width: int, layers: Sequence[tuple[tuple[str, str | int], int, int, int]]
    ) -> None:
        blocks: list[nn.Module] = [Embedding(task, width)]
        for (kind, value), heads, inner, stacked in layers:
            block: nn.Module
            if kind == "SA":
                block = Attention(width, heads, width, weighted=value == "WMA")
            elif kind == "LT":
                block = LinearTransform(width, heads, task.length, str(value))
            else:
                block = SpanConvolution(width, heads, int(value))
            blocks.append(Residual(block, width))
            blocks += [Residual(FeedForward(width, inner, nn.GELU), width) for _ in range(stacked)]
        super().__init__(*blocks, nn.Linear(width, task.vocabulary))

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Logits of the characters at each position."""
        logits: torch.Tensor = super().forward(tokens)  # type: ignore[no-untyped-call]
        return logits.mT


class EncoderLayer(nn.Module):
    """Self-attention, then a feed-forward network."""

    def __init__(self, width: int, heads: int, inner: int, feed_forward: int) -> None:
        super().__init__()
        self.attention = Residual(Attention(width, heads, inner), width)
        self.feed_forward = Residual(FeedForward(width, feed_forward, nn.ReLU), width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """New hidden states."""
        result: torch.Tensor = self.feed_forward(self.attention(x))
        return result


class DecoderLayer(nn.Module):
    """Causal self-attention, cross-attention to the encoder, then a feed-forward network."""

    def __init__(self, width: int, heads: int, cross_heads: int, inner: int, source: int, feed_forward: int) -> None:
        super().__init__()
        self.attention = Residual(Attention(width, heads, inner, causal=True), width)
        self.cross = Residual(Attention(width, cross_heads, inner, source), width)
        self.feed_forward = Residual(FeedForward(width, feed_forward, nn.ReLU), width)

    def forward(self, x: torch.Tensor, memory: torch.Tensor) -> torch.Tensor:
        """New hidden states; `memory` holds the outputs of encoder layers, concatenated along positions."""
        result: torch.Tensor = self.feed_forward(self.cross(self.attention(x), memory))
        return result


class EncoderDecoder(nn.Module):
    """The transformer of HAT (Wang et al., 2020): tokens `(b, length)` to logits `(b, vocabulary, length)`.

    The encoder reads all tokens. The decoder predicts the character at each position from the earlier tokens (a mask
    before the first) and from the outputs of the last encoder layers, concatenated along positions.

    Args:
        task: Length and vocabulary.
        inner: Width of queries, keys and values.
        width: Width of the encoder.
        decoder_width: Width of the decoder.
        encoder: Heads and feed-forward width of each layer.
        decoder: Heads, cross-attention heads, number of attended layers and feed-forward width of each layer.
    """

    def __init__(
        self,
        task: MaskedLanguage,
        inner: int,
        width: int,
        decoder_width: int,
        encoder: Sequence[tuple[int, int]],
        decoder: Sequence[tuple[int, int, int, int]],
    ) -> None:
        super().__init__()
        self.mask = task.vocabulary
        self.source, self.target = Embedding(task, width), Embedding(task, decoder_width)
        self.encoder = nn.ModuleList(EncoderLayer(width, heads, inner, ffn) for heads, ffn in encoder)
        self.decoder = nn.ModuleList(
            DecoderLayer(decoder_width, heads, cross, inner, width, ffn) for heads, cross, _, ffn in decoder
        )
        self.attended = [attended for _, _, attended, _ in decoder]
        self.out = nn.Linear(decoder_width, task.vocabulary)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Logits of the characters at each position."""
        x, memory = self.source(tokens), []
        for layer in self.encoder:
            x = layer(x)
            memory.append(x)
        earlier = nn.functional.pad(tokens[:, :-1], (1, 0), value=self.mask)
        y = self.target(earlier)
        for layer, attended in zip(self.decoder, self.attended, strict=True):
            y = layer(y, torch.cat(memory[-attended:], dim=1))
        logits: torch.Tensor = self.out(y)
        return logits.mT
