"""`safelight doctor`: each module looks at one kind of thing, and `report` at all."""
