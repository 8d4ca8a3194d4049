"""The import job: particles, maps, masks and models of other projects and programs become results here."""
