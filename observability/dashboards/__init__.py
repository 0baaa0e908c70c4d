"""Pure: what the Grafana dashboards ask. `python -m dashboards` writes them; the package is not shipped."""
