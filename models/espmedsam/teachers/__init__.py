"""Networks that teach: LiteMedSAM, SAM, others of ours; what they make of pictures, at once or kept on disk."""
