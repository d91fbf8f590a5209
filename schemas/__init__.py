"""The contracts between the steps: labels, front end, manifest rows, records, and how artifacts are stored."""
