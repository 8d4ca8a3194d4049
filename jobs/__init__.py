"""What can be run, and the science behind it; usable without `app`."""
