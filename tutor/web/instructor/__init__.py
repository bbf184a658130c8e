"""The instructor's pages: HTML made on the server, behind a login, without a line of script."""
