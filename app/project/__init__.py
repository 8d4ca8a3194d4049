"""A RELION-compatible project: pipeline graph, lock, job numbers, nodes, notes and trash."""
