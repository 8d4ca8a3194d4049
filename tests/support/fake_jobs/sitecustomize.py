"""Makes the fake job type known in every Python process that has this folder on its path."""

import fake_job.params  # type: ignore[import-not-found]

from jobs import registry

registry.JOB_TYPES.setdefault("fake", fake_job.params.JOB_TYPE)
