"""What networks are worth, in figures: from what the program's `eval` wrote, or by PyTorch."""
