"""Routes that draw pictures, or say something of a picture or a prompt."""
