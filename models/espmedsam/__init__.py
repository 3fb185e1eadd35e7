"""ESP-MedSAM (arXiv 2407.14153): network, training, import and export. Research use only, not for clinical use."""
