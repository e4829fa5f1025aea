"""mi_kit: what a layer keeps of the input and knows of the label, measured while networks learn."""

__version__ = "0.1.0"
