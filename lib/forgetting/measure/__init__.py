"""Right of the seam: pure functions from predictions to tidy tables. No torch, no paths, no studies."""
