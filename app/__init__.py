"""Heteroscope, the program: projects, running jobs, the window and the command line."""

__version__ = "0.1.0"
