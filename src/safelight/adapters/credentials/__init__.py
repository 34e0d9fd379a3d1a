"""Content Credentials by the C2PA project's own library (https://github.com/contentauth/c2pa-python)."""
