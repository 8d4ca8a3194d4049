"""The worker process of a job that opens a latent space."""

from jobs.core.worker import main
from jobs.latents.params import JOB_TYPE

if __name__ == "__main__":
    main(JOB_TYPE)
