"""The worker process of an ISAC2 job."""

from jobs.core.worker import main
from jobs.isac2.params import JOB_TYPE

if __name__ == "__main__":
    main(JOB_TYPE)
