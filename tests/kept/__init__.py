"""What pictures, drawings and answers were when they were last kept."""
