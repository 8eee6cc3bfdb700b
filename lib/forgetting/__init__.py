"""What compressed networks forget: populations, predictions, measures, and a book of them."""

__version__ = "0.4.0"
