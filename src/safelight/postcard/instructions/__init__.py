"""Instructions such as "make it night" or "add a boat": read by rules, since what a scene can hold is a closed list."""
