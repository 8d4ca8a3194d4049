"""The worker's door."""

from fake_motion.params import JOB_TYPE  # type: ignore[import-not-found]
from jobs.core.worker import main

main(JOB_TYPE)
