"""A small U-Net for pictures whose sides are multiples of 8."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the customary name


def _conv_block(channels_in: int, channels_out: int) -> nn.Sequential:
    # GroupNorm: a batch of 4 is too small for BatchNorm, and there are no running averages to keep in step.
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, 3, padding=1, bias=False),
        nn.GroupNorm(4, channels_out),
        nn.ReLU(inplace=True),
        nn.Conv2d(channels_out, channels_out, 3, padding=1, bias=False),
        nn.GroupNorm(4, channels_out),
        nn.ReLU(inplace=True),
    )


class UNet(nn.Module):
    """Three levels, skip connections, a logit per pixel and output; 30,000 weights at the default width.

    After Ronneberger, Fischer, Brox: U-Net (2015), arXiv:1505.04597, with padding and fewer channels. It works at
    half resolution (Shi et al., sub-pixel convolution, 2016, arXiv:1609.05158), which is four times as fast.
    """

    def __init__(self, channels: int = 1, width: int = 8, outputs: int = 1) -> None:
        super().__init__()
        self.down1 = _conv_block(4 * channels, width)
        self.down2 = _conv_block(width, 2 * width)
        self.bottom = _conv_block(2 * width, 4 * width)
        self.up2 = _conv_block(6 * width, 2 * width)
        self.up1 = _conv_block(3 * width, width)
        self.head = nn.Conv2d(width, 4 * outputs, 1)
        # Most pixels are background: starting there saves the first epochs (Lin et al., 2017, arXiv:1708.02002).
        nn.init.constant_(self.head.bias, -0.7)  # type: ignore[arg-type]
        if outputs > 1:  # the first is the background
            nn.init.constant_(self.head.bias[:4], 0.7)  # type: ignore[index]

    def forward(self, images: Tensor) -> Tensor:
        """Logits [N, outputs, H, W] for images [N, C, H, W]."""
        fine = self.down1(F.pixel_unshuffle(images, 2))
        middle = self.down2(F.max_pool2d(fine, 2))
        coarse = self.bottom(F.max_pool2d(middle, 2))
        middle = self.up2(torch.cat([middle, _double(coarse)], dim=1))
        fine = self.up1(torch.cat([fine, _double(middle)], dim=1))
        return F.pixel_shuffle(self.head(fine), 2)


def _double(features: Tensor) -> Tensor:
    return F.interpolate(features, scale_factor=2.0, mode="nearest")
