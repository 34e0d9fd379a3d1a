"""The endpoints, a file each: in the room that they belong to, or here where they belong to none."""
