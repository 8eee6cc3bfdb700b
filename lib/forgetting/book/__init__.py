"""From the book's notebooks to its pages and HTML."""
