"""Parameters that say what a picture shows: words, and pictures that it begins with or follows."""
