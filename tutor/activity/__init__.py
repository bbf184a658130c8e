"""What students asked and how they judged the answers: kept for a while under pseudonyms, and what can be learnt from it.

Knows nothing of pages in a browser and of commands.
"""
