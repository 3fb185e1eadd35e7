"""The network in PyTorch. Module names follow the official checkpoints, so that their keys load as they are."""

from .model import ESPMedSAM, SamTeacher, at_size

__all__ = ["ESPMedSAM", "SamTeacher", "at_size"]
