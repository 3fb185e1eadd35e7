"""Training, stage by stage: MMDKD (common knowledge, then each modality's controller, then SPPG and QDMD together),
direct training with masks, teachers, and the U-Net yardstick."""
