"""From a course book to passages: pages read in a limited child process, structure found, passages cut, an index published.

Knows nothing of questions, language models or the chat.
"""
