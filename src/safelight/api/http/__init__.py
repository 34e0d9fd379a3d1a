"""HTTP/1.1 on sockets: connections, heads, bounds, proxies."""
