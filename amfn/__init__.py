"""From a file on disk to a prediction that carries its own account of how the modalities were fused."""

__version__ = "0.1.0"
