"""The pages in the browser. No answering logic in here."""
