"""What every output says."""

NOTICE = "Research use only. Not for clinical use."
METADATA = {"notice": NOTICE}  # of a `.safetensors` or ONNX file
