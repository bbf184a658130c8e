"""Where a course's passages live: passages, embeddings, immutable generations of an index, and search over them.

The lowest floor: knows nothing of PDFs, language models, commands or pages in a browser.
"""
