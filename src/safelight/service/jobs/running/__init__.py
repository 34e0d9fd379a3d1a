"""What runs next and runs now: the line of jobs, the claims on those that are drawn, and their drawing."""
