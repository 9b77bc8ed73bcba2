"""Documents as a download."""

from __future__ import annotations

from urllib.parse import quote

from starlette.responses import Response

from app.casework.documents.models import CaseDocument


def document_response(document: CaseDocument, content: bytes) -> Response:
    """Make a download that the browser saves and never opens as a page of ours: its content is a stranger's."""
    name = document.name.encode("ascii", "replace").decode().replace("?", "_").replace('"', "_")
    disposition = f"attachment; filename=\"{name}\"; filename*=UTF-8''{quote(document.name, safe='')}"
    headers = {
        "content-disposition": disposition,
        "content-security-policy": "default-src 'none'; sandbox",
        "x-content-type-options": "nosniff",
        "cache-control": "private, no-store",
    }
    return Response(content, media_type=document.media_type, headers=headers)
