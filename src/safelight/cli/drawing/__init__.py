"""`safelight generate`: pictures drawn in this process, or asked of a server."""
