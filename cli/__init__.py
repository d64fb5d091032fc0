"""The command line of skillstore. The only door to click; everything heavier is loaded inside the commands."""
