"""What pixels become before the network: (x - mean) / std of 0..255 RGB, by ImageNet's means and deviations."""

IMAGENET_MEAN = (123.675, 116.28, 103.53)
IMAGENET_STD = (58.395, 57.12, 57.375)
