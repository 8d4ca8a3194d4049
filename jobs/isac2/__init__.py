"""ISAC2: stable classes of 2D images, found by iterative alignment and clustering in groups of equal size."""
