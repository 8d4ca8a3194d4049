"""How a job type is declared and how a worker runs it; imports no torch to describe a job."""
