"""The pages where people subscribe."""
