"""What every route does with a request and an answer: keys, bodies, errors, streams."""
