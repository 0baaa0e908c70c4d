"""Commands of the scientist's side. Modules stay light: what a command needs is imported when it runs."""
