"""The page at /: what a library holds, for people. A loop over the operations, as the other ways in are.

It is made on the server, works without a script, and loads nothing from elsewhere: htmx, which lies here with its
licence, makes it answer while one types.
"""
