"""Makes populations and lets each member predict. The only room that imports torch."""
