"""The scientist's side: uploads datasets, submits and watches jobs, pulls models."""
