"""What a lecturer hands out: notebooks with exercises, their solutions, and a study that a class does."""
