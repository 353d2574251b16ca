"""Mail that came in → what it asks for. Pure."""
