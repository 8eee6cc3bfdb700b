"""Right of the seam: pure functions from predictions to tidy tables; no torch, paths or studies."""
