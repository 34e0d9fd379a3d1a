"""What the routes say of themselves, and a page that shows it."""
