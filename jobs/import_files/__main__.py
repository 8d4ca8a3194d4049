"""The worker process of an import job."""

from jobs.core.worker import main
from jobs.import_files.params import JOB_TYPE

if __name__ == "__main__":
    main(JOB_TYPE)
