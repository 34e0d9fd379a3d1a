"""Pictures in the making, and how a chosen turn of them is computed."""
