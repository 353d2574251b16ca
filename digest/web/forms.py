"""What a form says, whatever its encoding; what cannot be read says nothing."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request
from starlette.exceptions import HTTPException

_MOST_FIELDS = 50
_KINDS = ("application/x-www-form-urlencoded", "multipart/form-data")


async def _fields(request: Request) -> dict[str, str]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in _KINDS:
        return {}
    try:
        # Where a field comes twice, the last one counts.
        form = await request.form(max_files=0, max_fields=_MOST_FIELDS)
    except HTTPException:
        raise
    except (ValueError, LookupError, AssertionError):  # a charset that nobody knows, and the like
        return {}
    return {key: value for key, value in form.items() if isinstance(value, str)}


Fields = Annotated[dict[str, str], Depends(_fields)]
