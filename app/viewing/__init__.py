"""Files as the viewers show them: tables, images, maps and curves, read when asked for. No Qt."""
