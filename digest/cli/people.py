"""For operators: who gets what, and the proof that she wants it."""
