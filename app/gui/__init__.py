"""The window: the only Qt in `app`."""
