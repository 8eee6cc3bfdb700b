"""What single pages compute from a study before they show it, a module for each idea.

A page imports the modules that it needs: `from forgetting.book.content import formats`.
"""
