"""What compressed networks forget: populations, predictions, measures, and a book that tells them."""

__version__ = "0.2.0"
