"""Left of the seam: makes populations and lets each member predict. The only wing that imports torch."""
