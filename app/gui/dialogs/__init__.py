"""Questions and forms that open above the window."""
