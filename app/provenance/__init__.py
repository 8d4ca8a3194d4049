"""Where a job's results come from: its runs, options, commands, versions and inputs; no Qt."""
