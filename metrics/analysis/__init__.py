"""What a training did, from its CSV files: needs pandas, so nothing that trains or watches imports it."""
