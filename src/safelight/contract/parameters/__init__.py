"""The parameters of an image request, a declaration each. To add one, declare it in one of these files."""
