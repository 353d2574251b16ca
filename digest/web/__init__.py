"""The pages where people subscribe, and the same for programs."""
