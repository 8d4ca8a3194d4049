"""The worker process of a job that sets up a Dynamo project."""

from jobs.core.worker import main
from jobs.dynamo_processor.params import JOB_TYPE

if __name__ == "__main__":
    main(JOB_TYPE)
