"""The one place where concrete classes meet: settings become an engine, services and a server."""
