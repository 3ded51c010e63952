"""How the story of a version is drawn: back to where it came from, and on to what was built."""
