"""A job type that computes nothing, quickly, and can go wrong in every way on request."""
