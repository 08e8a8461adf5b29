"""Proves guesses by running them: candidates, attempts in rooms of their own, and what follows from them."""
