"""2D classes as a gallery: looked at while they are made, judged by numbers, chosen, written as a subset."""
