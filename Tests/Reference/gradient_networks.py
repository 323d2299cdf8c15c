"""The small networks of make_gradient_figures.py: one of each family that people export."""

import copy
from dataclasses import dataclass
from typing import Callable

import torch
import torch.nn.functional as F
from torch import nn


@dataclass
class Network:
    name: str
    make: Callable[[], nn.Module]
    shape: list
    classes: int = 5
    opset: int = 17
    exporter: str = "torchscript"
    head: str = "logits"
    fold: bool = False
    weight_scale: float = 1
    maps_parameters: bool = True


def shake(model, scale):
    """Makes every parameter and statistic different, so that nothing is merged and no gradient is zero by symmetry."""
    with torch.no_grad():
        for p in model.parameters():
            p.mul_(scale).add_(torch.randn_like(p) * 0.05)
        for module in model.modules():
            if isinstance(module, (nn.modules.batchnorm._BatchNorm, nn.GroupNorm, nn.LayerNorm, nn.InstanceNorm2d)):
                module.weight.copy_(torch.rand_like(module.weight) + 0.5)
                module.bias.copy_(torch.randn_like(module.bias) * 0.3)
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.running_mean.copy_(torch.randn_like(module.running_mean) * 0.3)
                module.running_var.copy_(torch.rand_like(module.running_var) + 0.5)


def doubled(model):
    return copy.deepcopy(model).double()


def sequence(*modules):
    return nn.Sequential(*modules)


def mlp():
    return sequence(nn.Linear(12, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 5))


class Activations(nn.Module):
    """Every smooth or kinked function side by side, four values each."""

    def __init__(self):
        super().__init__()
        self.each = nn.ModuleList([
            nn.Sigmoid(), nn.Tanh(), nn.Softplus(), nn.ELU(0.7), nn.SELU(), nn.Mish(), nn.CELU(1.3), nn.PReLU(4),
            nn.LeakyReLU(0.2), nn.Softsign(), nn.Hardsigmoid(), nn.SiLU(), nn.GELU(), nn.GELU("tanh"), nn.LogSigmoid()])
        self.first, self.norm = nn.Linear(10, 60), nn.BatchNorm1d(60)
        self.second, self.last = nn.Linear(60, 60), nn.Linear(60, 5)

    def apply_each(self, x):
        return torch.cat([function(part) for function, part in zip(self.each, x.split(4, 1))], 1)

    def forward(self, x):
        return self.last(self.apply_each(self.second(self.norm(self.apply_each(self.first(x))))))


def cnn():
    return sequence(
        nn.Conv2d(3, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(3, 2, 1),
        nn.Conv2d(6, 8, 3, dilation=2, padding=2), nn.BatchNorm2d(8), nn.ReLU(),
        nn.AvgPool2d(3, 2, 1, count_include_pad=False), nn.Flatten(), nn.Linear(8 * 16, 5))


def pools():
    """Ceilings, unequal kernels and padding, counted or not; a strided and a rectangular convolution."""
    return sequence(
        nn.Conv2d(2, 6, (3, 5), (2, 1), (1, 2)), nn.ReLU(), nn.MaxPool2d((2, 3), (2, 2), (0, 1), ceil_mode=True),
        nn.Conv2d(6, 6, 3, padding=1, groups=2), nn.Tanh(), nn.AvgPool2d((3, 2), 2, (1, 0), ceil_mode=True),
        nn.Conv2d(6, 8, 1), nn.ReLU(), nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(8, 4))


class Block(nn.Module):
    def __init__(self, inside, outside, stride):
        super().__init__()
        self.first, self.one = nn.Conv2d(inside, outside, 3, stride, 1, bias=False), nn.BatchNorm2d(outside)
        self.second, self.two = nn.Conv2d(outside, outside, 3, 1, 1, bias=False), nn.BatchNorm2d(outside)
        self.short = sequence(nn.Conv2d(inside, outside, 1, stride, bias=False), nn.BatchNorm2d(outside)) \
            if stride != 1 or inside != outside else nn.Identity()

    def forward(self, x):
        y = self.two(self.second(F.relu(self.one(self.first(x)))))
        return F.relu(y + self.short(x))


def resnet():
    return sequence(
        nn.Conv2d(3, 8, 3, 1, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU(), Block(8, 8, 1), Block(8, 12, 2),
        Block(12, 16, 2), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 5))


class Squeeze(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.down, self.up = nn.Conv2d(channels, 4, 1), nn.Conv2d(4, channels, 1)

    def forward(self, x):
        return x * F.hardsigmoid(self.up(F.relu(self.down(F.adaptive_avg_pool2d(x, 1)))))


def depthwise():
    return sequence(
        nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.Hardswish(),
        nn.Conv2d(8, 8, 3, 1, 1, groups=8, bias=False), nn.BatchNorm2d(8), nn.ReLU6(),
        nn.Conv2d(8, 12, 1, bias=False), nn.BatchNorm2d(12),
        nn.Conv2d(12, 12, 5, 2, 2, groups=12, bias=False), nn.BatchNorm2d(12), nn.Hardswish(), Squeeze(12),
        nn.Conv2d(12, 16, 1), nn.ReLU6(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 5))


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads, self.mix, self.out = heads, nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x):
        batch, tokens, width = x.shape
        mixed = self.mix(x).reshape(batch, tokens, 3, self.heads, width // self.heads)
        q, k, v = mixed.permute(2, 0, 3, 1, 4).unbind(0)
        weights = (q @ k.transpose(-2, -1) * (width // self.heads) ** -0.5).softmax(-1)
        return self.out((weights @ v).transpose(1, 2).reshape(batch, tokens, width))


class Encoder(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.before, self.attention, self.between = nn.LayerNorm(width), Attention(width, heads), nn.LayerNorm(width)
        self.wide, self.narrow = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)

    def forward(self, x):
        x = x + self.attention(self.before(x))
        return x + self.narrow(F.gelu(self.wide(self.between(x))))


class VisionTransformer(nn.Module):
    def __init__(self, width=16, heads=2):
        super().__init__()
        self.patches = nn.Conv2d(3, width, 4, 4)
        self.token, self.place = nn.Parameter(torch.randn(1, 1, width)), nn.Parameter(torch.randn(1, 10, width) * 0.3)
        self.layers, self.norm = sequence(Encoder(width, heads), Encoder(width, heads)), nn.LayerNorm(width)
        self.head = nn.Linear(width, 5)

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1) + self.place
        return self.head(self.norm(self.layers(x))[:, 0])


def autoencoder():
    """Down and up again: transposed convolutions, both kinds of resizing, depth to space."""
    return sequence(
        nn.Conv2d(1, 6, 3, 2, 1), nn.ReLU(), nn.ConvTranspose2d(6, 4, 3, 2, 1, output_padding=1), nn.ReLU(),
        nn.Conv2d(4, 8, 3, 2, 1), nn.ELU(), nn.Upsample(scale_factor=2, mode="nearest"), nn.Conv2d(8, 8, 3, padding=1),
        nn.Tanh(), nn.PixelShuffle(2), nn.ConvTranspose2d(2, 4, 4, 2, 1, groups=2), nn.MaxPool2d(2),
        nn.Upsample(size=(5, 7), mode="bilinear", align_corners=False),
        nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True), nn.AvgPool2d(2), nn.Flatten(),
        nn.Linear(4 * 5 * 7, 5))


def one_dimensional():
    return sequence(
        nn.Conv1d(2, 6, 5, 2, 2), nn.BatchNorm1d(6), nn.ELU(), nn.MaxPool1d(2),
        nn.Conv1d(6, 6, 3, dilation=2, padding=2), nn.ReLU(), nn.AvgPool1d(2), nn.ConvTranspose1d(6, 6, 3, 2),
        nn.LeakyReLU(), nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(6, 4))


def three_dimensional():
    return sequence(
        nn.Conv3d(1, 4, 3, padding=1), nn.BatchNorm3d(4), nn.ReLU(), nn.MaxPool3d(2),
        nn.Conv3d(4, 6, 3, 2, 1), nn.ReLU(), nn.ConvTranspose3d(6, 4, 2, 2), nn.AvgPool3d(2),
        nn.Flatten(), nn.Linear(4 * 8, 4))


class Normalised(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.group = nn.Conv2d(2, 8, 3, padding=1), nn.GroupNorm(4, 8)
        self.two, self.instance = nn.Conv2d(8, 6, 3, padding=1, bias=False), nn.InstanceNorm2d(6, affine=True)
        self.layer, self.last = nn.LayerNorm([6, 5, 5]), nn.Linear(150, 5)

    def forward(self, x):
        x = F.silu(self.group(self.one(x)))
        x = F.max_pool2d(F.relu(self.instance(self.two(x))), 2)
        x = F.normalize(self.layer(x).flatten(1), dim=1) * 8
        return self.last(x)


class Mixture(nn.Module):
    """Shapes cut, joined and turned, reductions, comparisons, powers: what a model's own code leaves in a graph."""

    def __init__(self):
        super().__init__()
        self.first, self.scale = nn.Linear(24, 24), nn.Parameter(torch.rand(1, 4, 1) + 0.5)
        self.last, self.table = nn.Linear(33, 5), nn.Parameter(torch.randn(4, 6))

    def forward(self, x):
        x = self.first(x).reshape(-1, 4, 6)
        left, right = x.split([2, 4], 2)
        y = torch.cat([right * self.scale, left.abs().sqrt(), (left * 0.5).exp()], 2)  # 4 x 8
        y = torch.where(y > 0, y, 0.1 * y) + y[:, [2, 0, 3, 1]] * 0.3
        y = F.pad(y, (1, 2), mode="reflect")[:, :, 1:10:2]  # 4 x 5
        z = torch.einsum("bij,ij->bi", x, self.table)
        w = torch.minimum(torch.maximum(x, x.flip(2)), 0.7 * x.mean(2, keepdim=True)).clamp(-0.8, 0.9)
        powers = (x.square().sum(2) + 1).pow(0.7).reciprocal() + (1 + x[:, :, 0] ** 2).log()
        total = torch.logsumexp(x, (1, 2)).unsqueeze(1)
        parts = [y.transpose(1, 2).reshape(-1, 20), z.tanh(), w.amax(2), powers, total]
        return self.last(torch.cat(parts, 1) + x.norm(dim=2).amin(1, keepdim=True).repeat(1, 33))


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(4, 6, batch_first=True, bidirectional=True)
        self.gru, self.rnn = nn.GRU(12, 6, batch_first=True), nn.RNN(6, 6, batch_first=True)
        self.last = nn.Linear(6, 4)

    def forward(self, x):
        return self.last(self.rnn(self.gru(self.lstm(x)[0])[0])[0][:, -1])


def binary():
    return sequence(nn.Linear(9, 12), nn.Tanh(), nn.Linear(12, 8), nn.ReLU(), nn.Linear(8, 1))


NETWORKS = [
    Network("mlp", mlp, [12], opset=13),
    Network("activations", Activations, [10], opset=18, weight_scale=2),
    Network("cnn", cnn, [3, 14, 14], opset=13, head="softmax"),
    Network("cnn-opset9", cnn, [3, 14, 14], opset=9, head="softmax"),
    Network("pools", pools, [2, 13, 12], opset=11, classes=4),
    Network("resnet", resnet, [3, 12, 12]),
    Network("resnet-dynamo", resnet, [3, 12, 12], opset=20, exporter="dynamo", maps_parameters=False),
    Network("resnet-fused", resnet, [3, 12, 12], fold=True, maps_parameters=False),
    Network("depthwise", depthwise, [3, 14, 14], opset=14, weight_scale=2),
    Network("depthwise-opset10", depthwise, [3, 14, 14], opset=10, weight_scale=2),
    Network("vit", VisionTransformer, [3, 12, 12]),
    Network("vit-opset13", VisionTransformer, [3, 12, 12], opset=13),
    Network("vit-dynamo", VisionTransformer, [3, 12, 12], opset=20, exporter="dynamo", maps_parameters=False),
    Network("autoencoder", autoencoder, [1, 12, 12], opset=13, weight_scale=2),
    Network("autoencoder-dynamo", autoencoder, [1, 12, 12], opset=18, exporter="dynamo", weight_scale=2,
            maps_parameters=False),
    Network("conv1d", one_dimensional, [2, 32], opset=11, classes=4),
    Network("conv3d", three_dimensional, [1, 8, 8, 8], opset=13, classes=4),
    Network("norms", Normalised, [2, 10, 10]),
    Network("norms-dynamo", Normalised, [2, 10, 10], opset=21, exporter="dynamo", maps_parameters=False),
    Network("mixture", Mixture, [24]),
    Network("mixture-dynamo", Mixture, [24], opset=18, exporter="dynamo", maps_parameters=False),
    Network("recurrent", Recurrent, [5, 4], opset=14, classes=4, weight_scale=1.5, maps_parameters=False),
    Network("binary", binary, [9], opset=12, classes=2, head="sigmoid"),
]
