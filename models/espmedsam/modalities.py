"""The six modalities: row of `mask_query` for each. A default for our own weights; the manifest is what counts."""

# Row 6 of `mask_query` takes part in the attention but is no output.
MODALITIES = ("dermoscopy", "x-ray", "ultrasound", "fundus", "microscopy", "colonoscopy")
