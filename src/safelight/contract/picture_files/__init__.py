"""What a picture's file says of itself: that it was generated, by which request, and what of it was signed."""
