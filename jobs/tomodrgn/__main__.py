"""Worker process of a tomoDRGN job."""

from jobs.core.worker import main
from jobs.tomodrgn.params import JOB_TYPE

# Guarded, because data-loading processes import this module again under another name.
if __name__ == "__main__":
    main(JOB_TYPE)
