"""What a lecturer hands out: notebooks of exercises, and a lesson that judges pictures."""
