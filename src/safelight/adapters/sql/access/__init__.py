"""Keys and sessions in SQL: what they may, what they used, and who changed them."""
