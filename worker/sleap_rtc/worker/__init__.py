"""The GPU's side: takes jobs, downloads, trains, publishes models."""
