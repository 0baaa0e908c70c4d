"""The cloud side: HTTP API, tokens and room access, notification streams; runs the reactors."""
