"""HTTP: parse, call one function of the service, format. No tensor, no SQL."""
