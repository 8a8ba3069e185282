"""From a model and a batch to numbers that say why. Knows no screen; a model comes as an argument."""
