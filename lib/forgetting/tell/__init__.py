"""Makes people see it: figures, pages, claims."""
