"""The values of a request: the kinds of them, how each is read, described and worded, and what ties two together."""
