"""Small parts that run in the browser: each a Python function, and the script it mounts."""
