"""The parameters of an image request, a declaration each. To add one, declare it in a file of one of these rooms."""
