"""A job told in one file that needs nothing else: numbers, plots, pictures and words for a paper; no Qt."""
