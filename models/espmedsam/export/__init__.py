"""Checkpoint -> ONNX graphs + manifest, with numpy and onnx alone (no PyTorch)."""
