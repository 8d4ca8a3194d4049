"""Reusable Qt parts that know declarations, arrays and protocols, never a job type."""
