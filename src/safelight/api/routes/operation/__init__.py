"""Routes for whoever runs the server: health, state, other servers, the page at `/studio`."""
